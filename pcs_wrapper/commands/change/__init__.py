"""Commands that change a cluster, or show a change."""
