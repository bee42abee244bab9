"""The commands that make a backup of a cluster, and restore one."""
