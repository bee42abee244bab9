"""Processes that wait in open(2) for the other end of a pipe.

The kernel has the pipe in use by then, and no table of descriptors has it yet.
"""

from __future__ import annotations

import os

from ocf_agents.runtime.parameters import decimal

# The number of each system call that opens a path, and which argument the path is (syscalls(2)).
GENERIC = {56: 1, 437: 1}
CALLS = {
    "x86_64": {2: 0, 85: 0, 257: 1, 437: 1},
    "aarch64": GENERIC,
    "riscv64": GENERIC,
    "ppc64le": {5: 0, 8: 0, 286: 1, 437: 1},
    "s390x": {5: 0, 8: 0, 288: 1, 437: 1},
}
# Where the kernel waits then (proc_pid_wchan(5)); "0" if it does not tell.
WAITS = ("wait_for_partner", "fifo_open", "0")
HERE = 0xFFFFFF9C  # AT_FDCWD
LONGEST = 4096  # bytes of a path


def opening(pid: int) -> list[str]:
    """Return the paths of the pipes that threads of a process wait to open.

    Each leads through /proc, so that it means the same here; it is "" if it cannot be read. A
    process can change it while it waits.
    """
    calls = CALLS.get(os.uname().machine, {})
    found = []
    for thread in _threads(pid):
        if not _read(f"{thread}/wchan").startswith(WAITS):
            continue  # such as for a server that is gone
        call = _read(f"{thread}/syscall").split()
        number = decimal(call[0]) if call else None
        if number in calls:
            found.append(_path(thread, calls[number], [int(each, 16) for each in call[1:3]]))
    return found


def _threads(pid: int) -> list[str]:
    try:
        return [f"/proc/{pid}/task/{each}" for each in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []  # it has ended


def _read(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""  # it has ended, or we may not look


def _path(thread: str, position: int, arguments: list[int]) -> str:
    try:
        text = os.fsdecode(_text(thread, arguments[position]))
    except (OSError, OverflowError):
        return ""
    if text.startswith("/"):
        return f"{thread}/root{text}"
    relative = position and arguments[0] & 0xFFFFFFFF != HERE
    return f"{thread}/fd/{arguments[0]}/{text}" if relative else f"{thread}/cwd/{text}"


def _text(thread: str, address: int) -> bytes:
    """Return the text at an address in a thread's memory."""
    memory = os.open(f"{thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(memory, LONGEST, address).partition(b"\0")[0]
    finally:
        os.close(memory)
