"""Agents to try the conformance test on: a good one, and what becomes of it with a fault."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GOOD = (Path(__file__).parent / "good_agent.sh").read_text()
Make = Callable[..., Path]


@pytest.fixture
def make_agent() -> Iterator[Make]:
    """Return a function that makes the good agent with texts in it replaced.

    It is in a folder that every user can enter, as agents are.
    """
    folder = Path(tempfile.mkdtemp(prefix="takeover-test-"))
    folder.chmod(0o755)

    def make(*replaced: tuple[str, str], name: str = "good") -> Path:
        text = GOOD
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new)
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    yield make
    shutil.rmtree(folder)
