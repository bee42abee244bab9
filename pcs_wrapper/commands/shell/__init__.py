"""What shells and `man` are given of the commands: completion, and a page for each."""
