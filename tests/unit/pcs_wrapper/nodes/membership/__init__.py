"""Nodes that leave the cluster for good."""
