"""Tests of what a CIB is made of."""
