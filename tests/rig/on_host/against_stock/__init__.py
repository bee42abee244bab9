"""The same situations for our agents and for the stock agents that they take the place of."""
