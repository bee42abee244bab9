"""The house itself: its rooms, the arrows between them, and the documents that show them."""
