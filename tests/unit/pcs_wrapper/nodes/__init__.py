"""Unit tests of pcs_wrapper/nodes."""
