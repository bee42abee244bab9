"""For how long clients will not be served."""
