"""The output of the commands: text for users, and JSON for programs."""
