"""Takeover's own Vagrant box, for machines that can reach a Debian mirror but no box catalogue.

`image` makes the file system, `build` packs it; `python -m vagrant.box RELEASE` prints the box's
path.
"""
