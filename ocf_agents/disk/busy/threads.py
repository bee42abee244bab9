"""Threads that have descriptors or folders of their own (clone(2): CLONE_FILES, CLONE_FS)."""

from __future__ import annotations

import os

from ocf_agents.disk.place.syscalls import KCMP_FILES, KCMP_FS, share
from ocf_agents.runtime import process


def folders_of(pid: int) -> list[str]:
    """Return the folders in /proc of a process and of those threads that differ from it.

    Raises:
        OSError: It has ended.
    """
    root = f"/proc/{pid}"
    threads = [int(entry) for entry in os.listdir(f"{root}/task")]
    others = [
        f"{root}/task/{thread}"
        for thread in threads
        if thread != pid and not (share(pid, thread, KCMP_FILES) and share(pid, thread, KCMP_FS))
    ]
    return [root, *others]


def processes() -> list[int]:
    """Return all processes but this one."""
    return [pid for pid in process.processes() if pid != os.getpid()]


def descriptors(folder: str) -> list[tuple[str, str]]:
    """Return the numbers of the descriptors in a folder of /proc, and what they lead to."""
    found = []
    try:
        for number in os.listdir(f"{folder}/fd"):
            try:
                found.append((number, os.readlink(f"{folder}/fd/{number}")))
            except OSError:
                continue  # it is closed by now
    except OSError:
        return found  # it has ended
    return found
