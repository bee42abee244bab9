"""What every agent is built on, with cheap imports only: each monitor loads this room."""
