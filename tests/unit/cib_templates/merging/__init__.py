"""Unit tests of cib_templates/merging."""
