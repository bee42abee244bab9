"""The commands about the resource agents of this machine."""
