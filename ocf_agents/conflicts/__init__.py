"""Whether what a resource shall have is free on this node, asked before anything is changed."""
