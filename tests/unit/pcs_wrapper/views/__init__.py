"""What commands print: text, and JSON that keeps its contract."""
