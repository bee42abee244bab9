"""The beginning of a cluster: what this machine has for one, and a description made of that."""
