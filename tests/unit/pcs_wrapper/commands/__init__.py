"""Tests of the commands themselves: what they read, what they say, how they end."""
