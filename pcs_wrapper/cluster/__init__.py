"""The cluster as a whole: creating it, and importing an existing one."""
