"""What an Ethernet network knows of an address: who has it, and where it has moved to."""
