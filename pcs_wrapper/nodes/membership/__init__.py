"""Nodes that leave the cluster for good, or become part of it."""
