"""What the benches count and measure with."""
