"""Finding the installed versions of Pacemaker, Corosync and pcs; no cluster needs to run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pcs_wrapper.errors import CommandFailed, CommandTimedOut
from pcs_wrapper.machine.runner import Runner

# Each program answers much faster; the slowest is pcs, with 0.7 s on an idle machine.
_TIMEOUT = 10.0
_COMMANDS = {
    "Pacemaker": ("pacemakerd", "--version"),
    "Corosync": ("corosync", "-v"),
    "pcs": ("pcs", "--version"),
}
# All three print a sentence (`Pacemaker 3.0.0`, `version '3.1.9'`) with a single version in it.
_NUMBER = re.compile(r"\d+\.\d+[\w.~+-]*")


@dataclass(frozen=True)
class Version:
    """The version of a project's programs on this machine.

    Attributes:
        name: The name of the project, as it writes it itself.
        number: The version; None if it is not installed, or its version is not known.
        problem: The reason why there is no number; empty if there is one.
    """

    name: str
    number: str | None
    problem: str = ""


def takeover_version() -> Version:
    """Return the version of Takeover itself."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Version("takeover", version("takeover"))
    except PackageNotFoundError:
        return Version("takeover", None, "version not known: it runs from a checkout")


def installed_versions(runner: Runner) -> list[Version]:
    """Return the versions of Pacemaker, Corosync and pcs; problems are part of the result.

    Args:
        runner: The runner for their programs.
    """
    return [_ask(runner, name, command) for name, command in _COMMANDS.items()]


def _ask(runner: Runner, name: str, command: tuple[str, ...]) -> Version:
    program = command[0]
    if runner.find(program) is None:
        return Version(name, None, "not installed")
    try:
        result = runner.run(*command, timeout=_TIMEOUT)
    except CommandFailed as error:
        return Version(
            name, None, f"version not known: {program} failed with exit code {error.status}"
        )
    except CommandTimedOut:
        return Version(
            name, None, f"version not known: {program} did not answer within {_TIMEOUT:g} s"
        )
    found = _NUMBER.search(result.stdout)
    if found is None:
        return Version(name, None, f"version not known: {program} printed none")
    return Version(name, found.group().rstrip("."))
