"""The commands about the witness: a host outside of the cluster that votes."""
