"""From the model to the elements of a CIB."""
