"""Unix sockets: those that are bound on a filesystem, and files that wait in one to be received."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
import struct

DIAG, BY_FAMILY, DUMP = 4, 20, 0x301  # NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST|DUMP
SHOW_NAME, SHOW_VFS = 1, 2  # UDIAG_SHOW_*, and UNIX_DIAG_* less one (linux/unix_diag.h)
NAME, VFS = 0, 1  # UNIX_DIAG_*
DONE, FAILED = 3, 2  # NLMSG_*
AT_ONCE = 253  # SCM_MAX_FD: descriptors that one message can have
SIOCUNIXFILE = 0x89E0  # linux/un.h
DEEP = 4  # sockets in sockets


def bound_on(device: str) -> dict[str, str]:
    """Return the sockets of this network namespace that are bound on a filesystem.

    Args:
        device: The number of the filesystem's device ("major:minor").

    Returns:
        The names by the sockets' inodes.
    """
    major, _, minor = device.partition(":")
    number = int(major) << 20 | int(minor)  # as the kernel itself has it
    found: dict[str, str] = {}
    try:
        connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, DIAG)
    except OSError:
        return found
    with connection:
        request = struct.pack(
            "=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, SHOW_NAME | SHOW_VFS, 0, 0
        )
        header = struct.pack("=IHHII", 16 + len(request), BY_FAMILY, DUMP, 1, 0)
        try:
            connection.send(header + request)
            while _read(connection.recv(1 << 18), number, found):
                pass
        except OSError:  # a kernel without CONFIG_UNIX_DIAG
            return found
    return found


def _read(data: bytes, number: int, found: dict[str, str]) -> bool:
    """Take over what is in one answer, and tell whether there are more."""
    while len(data) >= 16:  # noqa: PLR2004 - struct nlmsghdr
        length, kind = struct.unpack_from("=IH", data)
        if kind in (DONE, FAILED) or length < 16:  # noqa: PLR2004
            return False
        [inode] = struct.unpack_from("=I", data, 20)
        fields = _attributes(data[32:length])
        if VFS in fields and struct.unpack_from("=II", fields[VFS])[1] == number:
            found[str(inode)] = os.fsdecode(fields.get(NAME, b"").rstrip(b"\0"))
        data = data[(length + 3) & ~3 :]
    return True


def _attributes(data: bytes) -> dict[int, bytes]:
    fields = {}
    while len(data) >= 4:  # noqa: PLR2004 - struct nlattr
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:  # noqa: PLR2004
            break
        fields[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return fields


def file_of(descriptor: int) -> int:
    """Return a descriptor of the file that a unix socket is bound to.

    Raises:
        OSError: It is no unix socket, or not bound to a file.
    """
    return fcntl.ioctl(descriptor, SIOCUNIXFILE)


def waiting_in(descriptor: int) -> list[int]:
    """Return copies of the files that wait in a socket to be received, as far as they are seen.

    The next message that has any shows them, without being taken.
    """
    return _peek(descriptor, DEEP)


def _peek(descriptor: int, deep: int) -> list[int]:
    """Return copies of the files in the first message that has any; nothing is taken from it."""
    files: list[int] = []
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        size = socket.CMSG_SPACE(AT_ONCE * 4)
        flags = socket.MSG_PEEK | socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
        try:
            for level, kind, data in connection.recvmsg(1, size, flags)[1]:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    numbers = array.array("i")
                    numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
                    files += numbers
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINVAL, errno.ENOTCONN, errno.EOPNOTSUPP):
                raise
    for each in list(files) if deep else []:
        if waiting(f"/proc/self/fdinfo/{each}"):
            files += _peek(each, deep - 1)
    return files


def waiting(fdinfo: str) -> int:
    """Return how many files wait to be received in a descriptor that is a socket."""
    try:
        with open(fdinfo, encoding="ascii", errors="replace") as file:
            return sum(int(line[8:]) for line in file if line.startswith("scm_fds:"))
    except OSError:
        return 0  # it is closed by now
