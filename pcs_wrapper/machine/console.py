"""The console: the messages that a command prints while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _ignore(_text: str) -> None:
    """Print nothing."""


def _ignore_waiting(_text: str, _elapsed: float) -> None:
    """Print nothing."""


@dataclass(frozen=True)
class Console:
    """The four kinds of messages that a command prints while it works; results are returned.

    Attributes:
        step: The function that prints what the command begins to do, or to wait for.
        detail: The function that prints what happens meanwhile, a line at a time.
        warning: The function that prints what the user should look at, although the command
            continues.
        waiting: The function that shows what is waited for now and for how many seconds, in place
            of what it showed before; an empty text ends that.
    """

    step: Callable[[str], None] = _ignore
    detail: Callable[[str], None] = _ignore
    warning: Callable[[str], None] = _ignore
    waiting: Callable[[str, float], None] = _ignore_waiting
