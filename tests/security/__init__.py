"""What a user of a node, or an odd input, may try: each attack is made, and fails."""
