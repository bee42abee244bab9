"""What the unit tests put in place of programs, machines and applications."""
