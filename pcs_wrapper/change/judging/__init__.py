"""Whether a change may be made: what is missing, taken, in its way, or changed beside it."""
