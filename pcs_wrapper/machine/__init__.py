"""The interface to this machine: its programs, files, clock, lock and console."""
