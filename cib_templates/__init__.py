"""Cluster description to typed model to CIB XML."""
