"""`takeover init`: the options, and the questions about what no option says."""
