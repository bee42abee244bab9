"""Whether an application serves: its ready check, its health check and its monitor hook."""
