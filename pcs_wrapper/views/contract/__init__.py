"""What `--json` prints, as models of its own: a rename inside of Takeover cannot change it."""
