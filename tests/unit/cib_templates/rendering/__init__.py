"""Unit tests of cib_templates/rendering."""
