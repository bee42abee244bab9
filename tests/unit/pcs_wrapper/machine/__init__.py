"""Unit tests of pcs_wrapper/machine."""
