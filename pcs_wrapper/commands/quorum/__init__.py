"""The commands about quorum: who may decide, and what may be lost."""
