"""The commands that read or write a description, and change no cluster."""
