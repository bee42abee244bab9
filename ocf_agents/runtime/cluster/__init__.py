"""What the cluster is configured to do, read from its own files on this node."""
