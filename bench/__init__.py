"""Benchmarks: what Takeover claims of speed, as ratios against a peer in the same run."""
