"""What both kinds of rig are made with."""
