"""Child processes that become programs: what happens before that, and what they write."""
