"""The one-machine rig, as far as it can be checked without root."""
