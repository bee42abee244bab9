"""Tests of the command line and the layer over pcs."""
