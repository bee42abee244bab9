"""A cluster as its programs tell of it: what reads it is answered, what changes it is recorded.

A test says how the cluster is, and what happens to it meanwhile; then it runs a command, and looks
at what was written, in which order, and at what has become of the cluster. How often and in which
order it was looked at is the command's own affair.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from lxml import etree

from pcs_wrapper.machine.runner import Result, Runner
from tests.unit.fakes.programs import PUSH, READS, WRITES, Programs, as_text, require

_Value = TypeVar("_Value")


def _nothing() -> None:
    """Do nothing."""


@dataclass
class Event:
    """What happens at a command.

    Attributes:
        command: The first words of the command.
        before: Called just before the command does anything, as another administrator would.
        answer: What the program says in place of its own answer; it then does nothing.
        hangs: Whether the program does not end in its time; it then does nothing either.
        arrives: Whether a program that hangs, or whose answer is given, does its work all the same.
        state: The cluster's state afterwards; as it was if it is not given.
        then: Called afterwards.
    """

    command: str
    before: Callable[[], object] = _nothing
    answer: Result | None = None
    hangs: bool = False
    arrives: bool = False
    state: str | None = None
    then: Callable[[], object] = _nothing


@dataclass(repr=False)
class Cluster(Programs, Runner):
    """A runner whose programs find this cluster.

    Until a test says what state it is in, nothing may be run but what is about files alone.

    Attributes:
        programs: Which programs are installed.
        broken: What programs say from now on, whatever the cluster is like, by the first words of
            their commands.
        calls: All commands that were run, in their order.
        writes: Those of them that change something.
        events: What is yet to happen at commands.
        coming: The states that the cluster is yet to have.
    """

    programs: set[str] = field(
        default_factory=lambda: {
            *("pcs", "cibadmin", "crm_diff", "crm_mon", "crm_resource", "crm_simulate"),
            *("env", "systemctl", "systemd-run", "corosync-cfgtool", "corosync-cmapctl"),
            *("attrd_updater", "crm_attribute", "stonith_admin", "ping", "apt-get", "dpkg-query"),
            "blkid",
            *("fence_apc", "fence_apc_snmp", "fence_takeover_rig"),
        }
    )
    broken: dict[str, Result] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    coming: list[str] = field(default_factory=list)

    def later(self, *states: str) -> None:
        """Let the state become another one whenever somebody has waited, in this order."""
        self.coming += states

    def when(
        self,
        command: str,
        *,
        exit_code: int = 0,
        stdout: str = "",
        stderr: str = "",
        **what: Any,
    ) -> None:
        """Say what happens when a command is run next; said again, when it is run after that.

        Args:
            command: The command's first words.
            exit_code: The code that it ends with. With any but 0 it does not do what it should.
            stdout: What it prints in place of its real output, which it then does not do either.
            stderr: The same on standard error.
            what: The other attributes of `Event`.
        """
        answer = Result(exit_code, stdout, stderr) if exit_code or stdout or stderr else None
        self.events.append(Event(command, answer=answer, **what))

    def edit(self, old: str, new: str) -> None:
        """Change the live CIB as another administrator does."""
        require(old in self.cib, f"the live CIB does not have {old}")
        root = etree.fromstring(self.cib.replace(old, new))
        root.set("epoch", str(int(root.get("epoch", "0")) + 1))
        self.cib = as_text(root)

    @property
    def reads(self) -> Counter[str]:
        """How often each program was asked for something."""
        calls = Counter(call.partition(" ")[0] for call in self.calls)
        return calls - Counter(write.partition(" ")[0] for write in self.writes)

    def check(self) -> None:
        """Check that all has happened that was to happen, and that no file was left behind."""
        require(not self.events, f"these never happened: {self.events}")
        require(not self.coming, f"nobody waited for these states: {self.coming}")
        left = [str(file) for file in self.files if file.exists()]
        require(not left, f"these files were left behind: {left}")

    # What the machine has of it.

    def clock(self) -> float:
        """Return the seconds that have passed."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, and the cluster go on."""
        self.seconds += seconds
        if self.coming:
            self.state = self.coming.pop(0)

    def find(self, program: str) -> str | None:
        """Find only what is said to be installed."""
        return f"/usr/sbin/{program}" if program in self.programs else None

    def execute(self, command: tuple[str, ...], *, stdin: str, timeout: float) -> Result:
        """Answer, or record, what a real program would be asked or told."""
        shown = PUSH if _begins(command, PUSH) else shlex.join(command)
        require(timeout > 0, f"no time for `{shown}`")
        require(self.password not in shown, f"a password among the arguments of `{shown}`")
        reads_input = _begins(command, "pcs host auth") or command[0].startswith("fence_")
        require(not stdin or reads_input, f"`{shown}` was given something to read")
        self.calls.append(shown)
        if _known(WRITES, command) is not None:
            self.writes.append(shown)
        program = _known(WRITES | READS, command)  # the longer words first
        if program is None:
            pytest.fail(f"the fake cluster does not know `{shown}`")
        about_files = ("env", "systemctl is-enabled", "pcs config", "blkid")
        is_about_files = "--corosync_conf" in command or any(
            _begins(command, each) for each in about_files
        )
        require(
            bool(self.state) or is_about_files,
            f"nobody has said in which state the cluster is, and `{shown}` was run",
        )
        event = self._event(command)
        event.before()
        try:
            if event.answer is None and not event.hangs:
                return program(self, command, stdin)
            if event.arrives:
                program(self, command, stdin)
            if event.answer is None:
                raise TimeoutError
            return event.answer
        finally:
            if event.state is not None:
                self.state = event.state
            event.then()

    def _event(self, command: tuple[str, ...]) -> Event:
        """Take what shall happen at a command; nothing special, if nothing was said of it."""
        for event in self.events:
            if _begins(command, event.command):
                self.events.remove(event)
                return event
        return Event(" ".join(command), answer=_known(self.broken, command))


def _begins(command: tuple[str, ...], words: str) -> bool:
    wanted = tuple(words.split())
    return command[: len(wanted)] == wanted


def _known(commands: Mapping[str, _Value], command: tuple[str, ...]) -> _Value | None:
    """Return what is known of a command by its first words."""
    return next((value for words, value in commands.items() if _begins(command, words)), None)
