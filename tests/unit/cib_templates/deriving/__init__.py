"""Unit tests of cib_templates/deriving."""
