"""Upgrading the packages of a node while its services run on the others."""
