"""Unit tests of pcs_wrapper/pacemaker."""
