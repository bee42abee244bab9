"""Findings about a description: what does not fit together, and what is seldom meant."""
