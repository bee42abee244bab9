"""Whether systemd runs this machine."""

from __future__ import annotations

import os

RUNNING = "/run/systemd/system"


def is_running() -> bool:
    """Tell whether systemd is process 1 here (sd_booted(3))."""
    return os.path.isdir(RUNNING)
