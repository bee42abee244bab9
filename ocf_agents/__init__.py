"""OCF resource agents in Python: application, shared filesystem, floating IP."""
