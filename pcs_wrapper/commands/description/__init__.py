"""Commands about a description alone."""
