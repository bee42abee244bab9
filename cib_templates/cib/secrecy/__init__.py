"""What is shown to nobody: which values are secrets, and what stands in their place."""
