"""Unit tests of cib_templates/importing."""
