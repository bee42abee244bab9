"""The boundary to this machine: its programs, files, clock and lock."""
