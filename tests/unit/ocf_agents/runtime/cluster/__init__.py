"""The runtime and the configuration of the cluster."""
