"""What is generated from the model for others: a JSON Schema for editors, the reference page."""
