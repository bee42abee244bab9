"""From the elements of a CIB to the tables of a description: the inverse of rendering."""
