"""Where the disk of a filesystem comes from: it is there, or a LUN is attached for it."""
