"""Nodes that come and go, start, stop and pause, as text for users and as JSON for programs."""
