"""What holds for every description, and what the installed Pacemaker makes of them: many runs."""
