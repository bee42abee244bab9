"""Unit tests of pcs_wrapper/views."""
