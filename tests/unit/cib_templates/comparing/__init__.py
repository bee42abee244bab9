"""Unit tests of cib_templates/comparing."""
