"""Processes of an application: found wherever they are, and held until it has come."""
