"""Unit tests of the rig and the demo: what needs neither root nor namespaces."""
