"""The nodes of a cluster: how each of them is, and pausing and resuming one."""
