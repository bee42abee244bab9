"""Unit tests: no root, no cluster, no network."""
