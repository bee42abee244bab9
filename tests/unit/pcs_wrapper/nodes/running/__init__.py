"""Starting, stopping and restarting the cluster on its nodes."""
