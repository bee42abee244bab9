"""What every agent is built on. Only cheap imports: each monitor loads this room."""
