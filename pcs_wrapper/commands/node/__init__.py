"""The commands about the nodes of a cluster."""
