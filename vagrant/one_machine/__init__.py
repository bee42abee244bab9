"""The one-machine rig: a real cluster in Linux namespaces, systemd as PID 1 in every node.

Read in this order: `layout` (what a rig consists of), `tree` (the Debian root tree that nodes
boot), `install` (what is added to it), `network`, `boot`, `host`, `storage`, `mounts` (the parts),
`controller` (the process that owns them all), `rig` (what tests, the demo and the command line call
from outside). The few system calls are in `vagrant.common.kernel`.

Everything of a rig lives in namespaces below one process, the controller, which is PID 1 of a PID
namespace of its own: when it ends, for whatever reason, the kernel ends the rest. What the kernel
does not take back by itself (an empty cgroup, loop devices, a folder in /run) `Rig.down` removes.
"""
