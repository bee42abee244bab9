"""What was changed and what became of it: checkpoints, confirmation, interruption."""
