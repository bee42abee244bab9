"""Unit tests of pcs_wrapper/health."""
