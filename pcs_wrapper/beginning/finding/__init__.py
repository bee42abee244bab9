"""What this machine has for a cluster: networks, disks, watchdogs, fence agents, applications."""
