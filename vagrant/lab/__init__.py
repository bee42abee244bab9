"""The Vagrant lab from Python: the same rig as the one-machine rig, of virtual machines.

`place` is where a lab is kept, and how to get in; `keeper` is the process that owns libvirtd and
all virtual machines where no other runs, and `libvirt` starts and ends it; `vagrant` makes the
machines, `machines` switches them, `shell` runs commands in them, `observer` watches their mounts;
`rig` is what tests, the demo and `script/rig` call; `cli` is `script/vagrant-lab`.
"""
