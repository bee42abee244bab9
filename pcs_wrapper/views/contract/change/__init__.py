"""The models of the outputs about changes."""
