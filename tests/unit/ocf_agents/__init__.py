"""Unit tests of the resource agents."""
