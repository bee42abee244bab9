"""The agents as Pacemaker finds them: launchers and meta-data; their reference pages."""
