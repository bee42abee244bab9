"""What any CIB's XML is, whatever made it: IDs, sets of pairs, ownership, history, schema."""
