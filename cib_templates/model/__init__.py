"""The typed tables of a description: what `cluster.toml` can say, and what a right value is."""
