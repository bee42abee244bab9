"""Tests of what shells and `man` are given of the commands."""
