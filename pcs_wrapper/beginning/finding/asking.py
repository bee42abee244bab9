"""Asking this machine: whatever does not answer is not offered, and can be said by who knows it."""

from __future__ import annotations

from cib_templates.errors import TakeoverError
from pcs_wrapper.machine.machine import Machine

_TIMEOUT = 30.0


def answer(machine: Machine, *command: str, stdin: str = "") -> str:
    """Return what a program prints; nothing if it is not installed or fails."""
    try:
        return machine.runner.run(*command, timeout=_TIMEOUT, stdin=stdin).stdout
    except TakeoverError:
        return ""


def content(machine: Machine, path: str) -> str:
    """Return the content of one of the kernel's files, below the root; nothing if there is none."""
    try:
        return (machine.root / path).read_text(errors="replace").strip()
    except OSError:
        return ""
