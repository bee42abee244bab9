"""Commands about the resource agents of this machine."""
