"""Disks, mounts and who holds them: what the filesystem agent is made of."""
