"""The agent in docs/writing-an-agent.md is a good one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

DOCUMENT = Path(__file__).parents[3] / "docs" / "writing-an-agent.md"
Symlink = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "link"


@pytest.fixture
def symlink(tmp_path: Path, link: Path) -> Symlink:
    """Return a function that runs the document's agent as Pacemaker would."""
    [text] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    program = tmp_path / "symlink"
    program.write_text(text.replace("/opt/takeover/bin/python3", sys.executable))
    program.chmod(0o755)

    def perform(action: str, **parameters: str) -> subprocess.CompletedProcess[str]:
        given = {"link": str(link), "target": "/etc/hostname", **parameters}
        environ = {f"OCF_RESKEY_{name}": value for name, value in given.items()}
        environ |= {"PATH": os.environ["PATH"], "OCF_RESOURCE_INSTANCE": "shop-link"}
        return subprocess.run(
            [program, action], env=environ, capture_output=True, text=True, check=False
        )

    return perform


def test_it_starts_and_stops(symlink: Symlink, link: Path) -> None:
    """Every action twice, in the order in which a cluster uses them."""
    assert symlink("monitor").returncode == 7
    for action, code in [("start", 0), ("start", 0), ("monitor", 0), ("stop", 0), ("stop", 0)]:
        assert symlink(action).returncode == code
    assert not link.exists()


def test_it_never_removes_what_is_not_its_own(symlink: Symlink, link: Path) -> None:
    """A file in the place of the link is a failure of a start, and survives a stop."""
    link.write_text("precious")
    assert symlink("monitor").returncode == 7
    recurring = {"CRM_meta_interval": "10000"}
    assert symlink("monitor", **recurring).returncode == 1
    assert symlink("start").returncode == 1
    assert symlink("stop").returncode == 0
    assert link.read_text() == "precious"


def test_its_mistakes_are_explained(symlink: Symlink) -> None:
    """What the runtime and `problems` find are reasons with exit code 6."""
    result = symlink("start", target="relative")
    assert result.returncode == 6
    assert result.stderr == "ocf-exit-reason:target=relative is not absolute\n"
    assert symlink("start", link="/nowhere/link").returncode == 5


def test_its_meta_data_are_a_document(symlink: Symlink) -> None:
    """Tools can read them."""
    document = etree.fromstring(symlink("meta-data").stdout.encode())
    assert document.get("name") == "symlink"
