"""From a live CIB to a description, and what a description cannot say of it."""
