"""When a node has booted."""

#: What `systemctl is-system-running` says then; "degraded" is a running system on which some unit
#: failed.
BOOTED = ("running", "degraded")
