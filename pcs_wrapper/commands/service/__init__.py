"""The commands about one service."""
