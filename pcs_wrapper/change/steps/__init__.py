"""What a change consists of: each step shows its commands, is run, and can be taken back."""
