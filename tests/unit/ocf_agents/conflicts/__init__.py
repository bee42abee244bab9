"""What resources shall have and somebody else has."""
