"""What whoever looks at the cluster is told: what is not well, not as described, or outdated."""
