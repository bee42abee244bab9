"""Changes as text and as JSON: plans, differences, results, and what was changed before."""
