"""The steps of a change: each of them can show its commands, be run, and be taken back."""
