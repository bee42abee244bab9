"""Unit tests of pcs_wrapper/cluster."""
