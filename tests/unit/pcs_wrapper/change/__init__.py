"""Unit tests of pcs_wrapper/change."""
