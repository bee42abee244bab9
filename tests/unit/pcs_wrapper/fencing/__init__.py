"""Unit tests of pcs_wrapper/fencing."""
