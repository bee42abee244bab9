"""Files of an application, which its user cannot turn against root: output and PID file."""
