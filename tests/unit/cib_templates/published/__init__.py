"""Unit tests of cib_templates/published."""
