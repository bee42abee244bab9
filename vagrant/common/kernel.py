"""The system calls and kernel files that the rig needs and Python's library does not offer."""

import ctypes
import fcntl
import os
import signal
from contextlib import suppress
from enum import IntFlag
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

# linux/loop.h
_LOOP_CTL_ADD = 0x4C80
_LOOP_CTL_REMOVE = 0x4C81
_LOOP_CLR_FD = 0x4C01

_MNT_DETACH = 2
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


class MountFlag(IntFlag):
    """Flags of mount(2)."""

    NONE = 0
    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    REMOUNT = 32
    BIND = 4096
    REC = 16384
    PRIVATE = 1 << 18


def mount(
    source: str,
    target: Path | str,
    fstype: str = "",
    flags: MountFlag = MountFlag.NONE,
    data: str = "",
) -> None:
    """Mount a file system, or change a mount (system call mount).

    Raises:
        OSError: The kernel refused; the message names source and target.
    """
    arguments = (source, str(target), fstype, flags, data)
    if _libc.mount(*(a.encode() if isinstance(a, str) else int(a) for a in arguments)):
        number = ctypes.get_errno()
        raise OSError(
            number, f"mount {fstype or flags!r} {source}: {os.strerror(number)}", str(target)
        )


class Namespace(IntFlag):
    """Kinds of namespaces, as clone(2) has them."""

    MOUNT = 0x00020000
    CGROUP = 0x02000000
    UTS = 0x04000000
    IPC = 0x08000000
    PID = 0x20000000
    NET = 0x40000000


def unshare(kinds: Namespace) -> None:
    """Put this process (for PID: its children) in new namespaces of these kinds."""
    if _libc.unshare(int(kinds)):
        raise OSError(ctypes.get_errno(), f"unshare {kinds!r}")


def enter_network(netns: Path) -> None:
    """Move this process into the network namespace that `netns` stands for (setns(2))."""
    with netns.open("rb") as handle:
        if _libc.setns(handle.fileno(), int(Namespace.NET)):
            raise OSError(ctypes.get_errno(), "setns", str(netns))


def die_with_parent() -> None:
    """Have this process killed when its parent ends (PR_SET_PDEATHSIG)."""
    _libc.prctl(1, signal.SIGKILL, 0, 0, 0)


def pivot_root(new_root: Path) -> None:
    """Make `new_root` the root of this mount namespace and let the old one go.

    Raises:
        OSError: `new_root` is not a mount point, or the kernel refused.
    """
    os.chdir(new_root)
    # pivot_root(".", ".") stacks the old root on the new one: see pivot_root(2), NOTES.
    if _libc.syscall(_SYS_PIVOT_ROOT[os.uname().machine], b".", b"."):
        raise OSError(ctypes.get_errno(), "pivot_root", str(new_root))
    if _libc.umount2(b".", _MNT_DETACH):
        raise OSError(ctypes.get_errno(), "unmount the old root")
    os.chdir("/")


def sethostname(name: str) -> None:
    """Set the host name of this UTS namespace."""
    encoded = name.encode()
    if _libc.sethostname(encoded, len(encoded)):
        raise OSError(ctypes.get_errno(), "sethostname", name)


def cgroup2_root() -> Path:
    """Return where the cgroup v2 hierarchy is mounted.

    Raises:
        FileNotFoundError: It is not mounted.
    """
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if rest.split()[0] == "cgroup2":
            return Path(fields.split()[4])
    raise FileNotFoundError("no cgroup v2 hierarchy is mounted on this machine")


def remove_cgroup(cgroup: Path) -> bool:
    """Remove a cgroup and all below it; return whether it is gone.

    A process that has just been killed keeps its cgroup for a moment.
    """
    with suppress(OSError):
        for folder in sorted(cgroup.rglob("*/"), reverse=True):
            folder.rmdir()
        cgroup.rmdir()
    return not cgroup.exists()


def add_loop_device(number: int) -> None:
    """Make loop device `number` exist; it may exist already."""
    with Path("/dev/loop-control").open("rb") as control, suppress(FileExistsError):
        fcntl.ioctl(control, _LOOP_CTL_ADD, number)


def detach_loop_device(number: int) -> bool:
    """Detach what loop device `number` has attached; return whether nothing is any more."""
    # Fails where there is no such device or nothing attached; what counts is what is seen then.
    with suppress(OSError), Path(f"/dev/loop{number}").open("rb") as device:
        fcntl.ioctl(device, _LOOP_CLR_FD)
    return not Path(f"/sys/block/loop{number}/loop/backing_file").exists()


def remove_loop_device(number: int) -> bool:
    """Detach loop device `number` and remove it; return whether it is gone."""
    detach_loop_device(number)
    with suppress(OSError), Path("/dev/loop-control").open("rb") as control:
        fcntl.ioctl(control, _LOOP_CTL_REMOVE, number)
    return not Path(f"/sys/block/loop{number}").exists()
