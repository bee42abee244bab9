"""Applications for the tests of the app agent."""

from __future__ import annotations

import sys
import time
from pathlib import Path

SLEEP = {"binfile": "/bin/sleep", "cmdline_options": "300"}
RECURRING = {"OCF_RESKEY_CRM_meta_interval": "10000"}
HEALTH = {**RECURRING, "OCF_CHECK_LEVEL": "10"}


def shell(tmp_path: Path, script: str) -> dict[str, str]:
    """Return the parameters of an application that is a shell script."""
    return _program(tmp_path / "application", f"#!/bin/sh\n{script}\n")


def python(tmp_path: Path, script: str) -> dict[str, str]:
    """Return the parameters of an application in Python."""
    return _program(tmp_path / "application.py", f"#!{sys.executable} -IS\n{script}\n")


def wait_for(path: Path) -> str:
    """Wait until a file has something in it, and return that."""
    deadline = time.monotonic() + 10
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return path.read_text()


def _program(path: Path, text: str) -> dict[str, str]:
    path.write_text(text)
    path.chmod(0o755)
    return {"binfile": str(path)}
