"""A program, its checks and all its processes: what the app agent is made of."""
