"""Backups of everything that a cluster is made of, and restoring one onto new nodes."""
