"""Rigs and the demo, as far as they can be checked without root and without namespaces."""
