"""Whom a command's logic tells what it does: the user on a terminal, or a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _nobody(_text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Console:
    """The three ways in which logic speaks while it works; results are returned, not told here.

    Attributes:
        step: Tells what is being done or waited for, a line when it begins.
        detail: Tells what has come of it so far, a line at a time.
        warning: Tells what to look at, though it stops nothing.
    """

    step: Callable[[str], None] = _nobody
    detail: Callable[[str], None] = _nobody
    warning: Callable[[str], None] = _nobody
