"""Whether root has all the rights here that agents use: in containers it may not."""

from __future__ import annotations

import posix

# Of root's rights those that agents use (capabilities(7)): CHOWN, DAC_OVERRIDE, KILL, SETGID,
# SETUID, NET_ADMIN, NET_RAW, SYS_ADMIN.
NEEDED = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 12 | 1 << 13 | 1 << 21


def is_confined() -> bool:
    """Tell whether this is root, but with less than root's rights: in a container, for example."""
    if posix.geteuid() != 0:
        return False
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            if file.read().split() != ["0", "0", "4294967295"]:
                return True  # a user namespace: user_namespaces(7)
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
            [effective] = [line.split()[1] for line in file if line.startswith("CapEff:")]
        return int(effective, 16) & NEEDED != NEEDED
    except (OSError, ValueError):
        return True
