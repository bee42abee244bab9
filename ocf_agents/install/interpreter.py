"""Which Python the agents run with: the system's, which no update of Takeover touches."""

from __future__ import annotations

import os
import subprocess
import sys

SYSTEM = "/usr/bin/python3"
OLDEST = (3, 11)
UNFIT = "'\"\\$`\n"  # in a path: in the launcher it would mean something
#: Its version, and the files that it loads to begin with.
SHOW = """import sys
specs = [module.__spec__ for module in sys.modules.values()]
files = [spec.origin for spec in specs if spec and spec.has_location]
print(*sys.version_info[:2], *files, sep="\\n")
"""


class InstallError(Exception):
    """The agents cannot be installed; the message says why and what to do."""


class Interpreter:
    """A Python that is new enough.

    Args:
        path: Its path.
        landmarks: The files of the modules without which it does not even start.

    Attributes:
        real: What its path leads to now; after an update it may be another version.
    """

    def __init__(self, path: str, landmarks: list[str]) -> None:
        self.path = _fit(path)
        self.real = _fit(os.path.realpath(path))
        self.landmarks = [_fit(landmark) for landmark in landmarks]


def find() -> Interpreter:
    """Return the system's interpreter, or this one without its virtual environment.

    Raises:
        InstallError: Neither can be used.
    """
    # Not the virtual environment's: whoever updates Takeover there takes it away for a moment.
    for path in (SYSTEM, getattr(sys, "_base_executable", "") or sys.executable):
        if path and (landmarks := _landmarks(path)):
            return Interpreter(path, landmarks)
    raise InstallError(
        f"there is no Python {OLDEST[0]}.{OLDEST[1]} or newer in {SYSTEM}, and the path of the "
        "running one is not known: run takeover by its absolute path"
    )


def _landmarks(path: str) -> list[str]:
    """Return which files an interpreter loads to begin with; none if it is of no use."""
    try:
        done = subprocess.run(
            [path, "-IS", "-c", SHOW], capture_output=True, text=True, check=True, timeout=60
        )
        major, minor, *landmarks = done.stdout.splitlines()
        new_enough = (int(major), int(minor)) >= OLDEST
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
    return landmarks if new_enough else []


def _fit(path: str) -> str:
    """Return a path, if it can be written into the launcher.

    Raises:
        InstallError: It cannot.
    """
    if any(character in path for character in UNFIT):
        raise InstallError(
            f"the agents cannot be started with {path!r}: a path must not have any of "
            "quotes, backslashes, $ and line breaks; install Python elsewhere"
        )
    return path
