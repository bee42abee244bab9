"""What keeps a filesystem busy besides open files, and which processes are spared."""
