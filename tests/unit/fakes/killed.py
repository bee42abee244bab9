"""A command that is killed in the middle, as by SIGKILL: nothing of it runs any more."""

from __future__ import annotations

from typing import NoReturn


class Killed(BaseException):
    """The command was killed; not an Exception, which commands turn into messages."""


def kill() -> NoReturn:
    """Kill the command that runs."""
    raise Killed
