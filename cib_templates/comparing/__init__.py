"""Two CIBs compared: by IDs for programs, attribute by attribute for people."""
