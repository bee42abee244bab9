"""Tests of the beginning of a cluster: what is found, what is asked, and what is written."""
