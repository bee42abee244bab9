"""What Corosync has of a cluster, as text and as JSON: who votes, its times and its links."""
