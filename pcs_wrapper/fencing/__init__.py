"""Fencing: which device fences which node, what it did, and whether a node is really off."""
