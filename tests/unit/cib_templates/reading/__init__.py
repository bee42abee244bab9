"""Unit tests of cib_templates/reading."""
