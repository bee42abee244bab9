"""Rig tests: a real cluster on the one-machine rig."""
