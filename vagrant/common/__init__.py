"""What both kinds of rig are made with: errors, names, networks, Debian trees, system calls."""
