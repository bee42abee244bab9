"""The models of the outputs about nodes: how they are, start, stop, come and go."""
