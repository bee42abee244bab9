"""The box is the same wherever it is built, and building it needs no root."""

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.vagrant.conftest import measured
from vagrant.box.build import box_for
from vagrant.common.building import CHECKOUT

_USER, _UID = "takeover-box-test", 61184


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of an ordinary user's, who exists only where `_as_ordinary_user` is at work."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    os.chown(folder, _UID, _UID)
    yield folder
    shutil.rmtree(folder)


def _as_ordinary_user(home: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a user with subordinate IDs, whom no other process of the machine sees."""
    binds = ""
    for name, line in {
        "passwd": f"{_USER}:x:{_UID}:{_UID}::{home}:/bin/sh\n",
        "group": f"{_USER}:x:{_UID}:\n",
        "subuid": f"{_USER}:400000:65536\n",
        "subgid": f"{_USER}:400000:65536\n",
    }.items():
        (home / name).write_text(Path("/etc", name).read_text() + line)
        binds += f"mount --bind {home}/{name} /etc/{name} && "
    become = f'exec setpriv --reuid {_UID} --regid {_UID} --clear-groups env HOME={home} "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", binds + become, "sh", *command],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not shutil.which("newuidmap"), reason="needs newuidmap (package uidmap)")
def test_an_ordinary_user_builds_the_same_box(home: Path) -> None:
    """Byte for byte what root builds, or has built before: no key, name or time is in it."""
    with measured("the box, built by root and by an ordinary user"), ThreadPoolExecutor() as pool:
        build = (sys.executable, "-m", "vagrant.box", "bookworm")
        building = pool.submit(_as_ordinary_user, home, *build)
        ours = box_for("bookworm", print)
        result = building.result()
    assert result.returncode == 0, result.stderr
    theirs = Path(result.stdout.strip())
    assert theirs.parent == home / ".cache/takeover-box"
    assert theirs.stat().st_uid == _UID
    if not filecmp.cmp(ours, theirs, shallow=False):
        # Debian may have had a newer package since ours was built: only then is a new one the same.
        ours = box_for("bookworm", print, home / "ours")
    assert filecmp.cmp(ours, theirs, shallow=False)
