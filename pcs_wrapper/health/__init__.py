"""The health of the cluster: whether each service runs, and why it does not."""
