"""The commands, one file for each: they read the arguments, call the logic and print the result."""
