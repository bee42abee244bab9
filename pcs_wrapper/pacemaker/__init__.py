"""Typed answers of the programs of Pacemaker, Corosync and pcs."""
