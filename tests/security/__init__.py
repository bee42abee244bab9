"""Attacks by an ordinary user of a node, and by odd inputs: none of them succeeds."""
