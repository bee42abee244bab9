"""A description merged into a live CIB, so that nothing of others' is lost."""
