"""The node's watcher: tells Pacemaker of failures when they happen."""
