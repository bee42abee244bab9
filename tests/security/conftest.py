"""A node with an ordinary user, who owns a folder and means no good."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.on_host.conftest import agents, make_node, node

__all__ = ["agents", "make_node", "node"]

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a folder of root's below folders of root's alone, which everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="takeover-test-", dir="/run") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def theirs(place: Path) -> Path:
    """Return a folder of the user's."""
    folder = place / "theirs"
    folder.mkdir()
    give(folder)
    return folder


def give(path: Path) -> None:
    """Make a file or a folder the user's."""
    os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)
