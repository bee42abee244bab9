"""Upgrading the packages of a node."""
