"""Unit tests of cib_templates/checks."""
