"""A change of a cluster: planned, made, verified, remembered and taken back."""
