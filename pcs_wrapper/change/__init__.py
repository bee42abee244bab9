"""Changes of a cluster: how they are planned, made, verified, recorded and taken back."""
