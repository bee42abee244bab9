"""Addresses, links and neighbours: what the ip agent is made of."""
