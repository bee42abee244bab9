"""The models of the JSON outputs, separate from the code's own classes, which may be renamed."""
