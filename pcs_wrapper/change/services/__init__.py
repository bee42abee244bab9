"""One service at a time: moved, stopped, started, restarted, kept on a node, or left alone."""
