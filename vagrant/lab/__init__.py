"""The Vagrant lab: a rig like the one-machine rig, whose nodes are virtual machines.

`place` is where a lab is kept, and how to get in; `keeper` is the process that owns libvirtd and
all virtual machines where no other runs, and `libvirt` starts and ends it; `vagrant` makes the
machines, `machines` switches them, `shell` runs commands in them, `observer` watches their mounts;
`rig` is what tests, the demo and the command line (`vagrant.cli`) call.
"""
