"""Copying a file of bytes to a node: `Rig.write` is for text."""

import subprocess
from pathlib import Path

from vagrant.rig import Rig


def copy(rig: Rig, node: str, file: Path, target: str) -> None:
    """Copy a file of this machine to a path on a node."""
    receive = rig.command(node, "dd", "status=none", f"of={target}")
    with file.open("rb") as content:
        subprocess.run(receive, stdin=content, check=True)
