"""Unit tests of cib_templates/forecast."""
