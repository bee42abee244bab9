"""What an administrator has set beside a description: where a service runs, or for a while."""
