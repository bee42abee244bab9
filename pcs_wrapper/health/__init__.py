"""How the cluster is, and why something does not run."""
