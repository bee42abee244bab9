"""The commands, a file each: they read arguments, call the logic, and print."""
