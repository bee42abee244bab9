"""Which Pacemaker, Corosync and pcs are installed on this machine; no cluster need run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pcs_wrapper.errors import CommandFailed, CommandTimedOut
from pcs_wrapper.machine.runner import Runner

# What each program answers in: pcs, itself in Python, takes 0.7 s on a machine with nothing to do.
_TIMEOUT = 10.0
_COMMANDS = {
    "Pacemaker": ("pacemakerd", "--version"),
    "Corosync": ("corosync", "-v"),
    "pcs": ("pcs", "--version"),
}
# All three answer in words (`Pacemaker 3.0.0`, `version '3.1.9'`): none of them says more than one.
_NUMBER = re.compile(r"\d+\.\d+[\w.~+-]*")


@dataclass(frozen=True)
class Version:
    """The version of something that is, or is not, installed.

    Attributes:
        name: Whose it is, as its project writes it.
        number: Its version; None if it is not installed, or does not say.
        problem: Why there is no number; empty if there is one.
    """

    name: str
    number: str | None
    problem: str = ""


def installed_versions(runner: Runner) -> list[Version]:
    """Ask Pacemaker, Corosync and pcs for their versions; what goes wrong is part of the answer.

    Args:
        runner: Runs their programs.
    """
    return [_ask(runner, name, command) for name, command in _COMMANDS.items()]


def _ask(runner: Runner, name: str, command: tuple[str, ...]) -> Version:
    program = command[0]
    if runner.find(program) is None:
        return Version(name, None, "not installed")
    try:
        said = runner.run(*command, timeout=_TIMEOUT)
    except CommandFailed as error:
        return Version(
            name, None, f"version not known: {program} failed with exit code {error.status}"
        )
    except CommandTimedOut:
        return Version(
            name, None, f"version not known: {program} did not answer within {_TIMEOUT:g} s"
        )
    found = _NUMBER.search(said.stdout)
    if found is None:
        return Version(name, None, f"version not known: {program} did not say it")
    return Version(name, found.group().rstrip("."))
