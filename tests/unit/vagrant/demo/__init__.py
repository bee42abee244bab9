"""The demo, with neither a rig nor a cluster."""
