"""The life of a cluster as a whole: created, imported."""
