"""What this process may do here, and what others may do with its files."""
