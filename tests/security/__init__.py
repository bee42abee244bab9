"""What an ordinary user of a node, or an odd input, tries against the agents; needs root."""
