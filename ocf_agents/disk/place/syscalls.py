"""System calls that Python 3.11 has no function for, through the C library."""

from __future__ import annotations

import ctypes
import os

MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8  # umount2(2)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8  # mount(2)
MS_SHARED = 1 << 20
CLONE_NEWNS = 0x20000
KCMP_FILE, KCMP_FILES, KCMP_FS = 0, 2, 3  # kcmp(2)
PIDFD_GETFD = 438  # the same everywhere
KCMP = {"x86_64": 312, "aarch64": 272, "riscv64": 272, "ppc64le": 354, "s390x": 343}

_c = ctypes.CDLL(None, use_errno=True)


def mount(source: str, point: str, fstype: str, flags: int, data: str) -> None:
    """Mount a filesystem (mount(2)).

    Raises:
        OSError: It cannot be mounted.
    """
    texts = (os.fsencode(text) for text in (source, point, fstype))
    _check(_c.mount(*texts, ctypes.c_ulong(flags), data.encode()), point)


def umount(point: str, flags: int = 0) -> None:
    """Unmount what is mounted on a path, whose last name is not followed if it is a link.

    Raises:
        OSError: It cannot be unmounted.
    """
    _check(_c.umount2(os.fsencode(point), flags | UMOUNT_NOFOLLOW), point)


def enter_mounts(descriptor: int) -> None:
    """Move this process into the mount namespace of a descriptor (setns(2)).

    Raises:
        OSError: It cannot be entered.
    """
    _check(_c.setns(descriptor, CLONE_NEWNS), "a mount namespace")


def share(one: int, other: int, what: int) -> bool:
    """Tell whether two threads share their descriptors or their folders; False if not known."""
    number = KCMP.get(os.uname().machine)
    return number is not None and _c.syscall(number, one, other, what, 0, 0) == 0


def descriptor_of(process: int, number: int) -> int:
    """Return a copy of a descriptor of another process (pidfd_getfd(2)).

    Args:
        process: The descriptor of the process (pidfd_open(2)).
        number: The number of the descriptor there.

    Raises:
        OSError: It cannot be had.
    """
    return _check(_c.syscall(PIDFD_GETFD, process, number, 0), f"descriptor {number}")


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
