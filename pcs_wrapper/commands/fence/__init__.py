"""The commands about fencing: what can fence, what it did, and the proof that it works."""
