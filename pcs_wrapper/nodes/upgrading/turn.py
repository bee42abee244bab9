"""The steps of a node's upgrade, each of which can be repeated."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from pcs_wrapper.change.history import interruption
from pcs_wrapper.change.history.upgrade import Stage, Upgrade, UpgradeRecord
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting, wait_until
from pcs_wrapper.nodes import pausing
from pcs_wrapper.nodes.running.turn import Turn
from pcs_wrapper.nodes.upgrading import apt, mixing
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState

_TIMEOUT = 30.0
_START = 120
_GRACE = 60.0
# In which all must be well when the node is back, beside what it runs itself, in seconds.
_WELL = 120.0
_POLL = 0.5
#: What is there until the node is rebooted: nothing in /run outlives that.
_NOT_REBOOTED = "run/takeover-not-rebooted"


@dataclass(eq=False)
class Upgrading(Turn):
    """A node's upgrade; times are in seconds since this command began.

    Attributes:
        installed: When its packages were installed; None if they were not.
    """

    installed: float | None = None


@dataclass(frozen=True)
class Note(Step):
    """Note what the upgrade goes on with if it is interrupted.

    Attributes:
        upgrade: The upgrade.
        stage: What it goes on with.
    """

    upgrade: Upgrade
    stage: Stage

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"noting that the upgrade goes on with: {self.stage}"

    def run(self, run: Run) -> None:
        """Note it."""
        UpgradeRecord(run.machine.state).keep(self.upgrade, self.stage)


@dataclass(frozen=True)
class Timed(Step):
    """Run a program, and note when it was done.

    Attributes:
        turn: The node's upgrade.
        program: The program.
        done: What the time is called, an attribute of the upgrade.
        word: That in a word, for the user.
    """

    turn: Upgrading
    program: RunProgram
    done: str
    word: str
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return self.program.summary

    @property
    def commands(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return self.program.commands

    def run(self, run: Run) -> None:
        """Run it."""
        self.turn.elapsed(run.machine)
        self.program.run(run)
        seconds = self.turn.elapsed(run.machine)
        setattr(self.turn, self.done, seconds)
        run.machine.console.detail(f"{seconds:5.1f} s  {self.turn.node}: {self.word}")


def download(upgrade: Upgrade) -> RunProgram:
    """Return the step that downloads the packages while the services still run here."""
    return RunProgram(
        "downloading the packages",
        apt.download(_names(upgrade), system=upgrade.system),
        apt.DOWNLOADING,
        "Nothing was changed: the services still run here",
        name="apt-get",
    )


def stop(turn: Upgrading, *, timeout: int, force: bool) -> Step:
    """Return the step that stops the cluster on this node.

    Args:
        turn: The node's upgrade.
        timeout: How long what it runs may take to stop, in seconds.
        force: Whether it is done although the others then have no quorum.
    """
    program = RunProgram(
        f"stopping the cluster on {turn.node}: up to {timeout} s",
        ("pcs", "cluster", "stop", *(("--force",) if force else ())),
        timeout + _GRACE,
        "No package was installed. Look at `journalctl -u pacemaker`; then `takeover upgrade` goes "
        "on",
    )
    return Timed(turn, program, "stopped", "stopped")


@dataclass(frozen=True)
class Configure(Step):
    """Configure what an interrupted installation has only unpacked, so that apt can go on.

    If that fails, it is apt that tells, or puts it right with a newer version.
    """

    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "configuring what an interrupted installation may have left"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that does it."""
        return (shlex.join(apt.configure()),)

    def run(self, run: Run) -> None:
        """Configure it."""
        with shown_as_waiting(run.machine, "dpkg is at work"):
            run.machine.runner.run(*apt.configure(), timeout=apt.INSTALLING, ok=range(-64, 256))


def install(turn: Upgrading, upgrade: Upgrade) -> list[Step]:
    """Return the steps that install the packages, also after an interrupted installation."""
    hint = (
        f"The cluster on {turn.node} is stopped, and its services run elsewhere. When that is "
        "repaired, `takeover upgrade` goes on"
    )
    program = RunProgram(
        f"installing {', '.join(each.name for each in upgrade.packages)}",
        apt.install(_names(upgrade), system=upgrade.system),
        apt.INSTALLING,
        hint,
        name="apt-get",
    )
    return [Configure(), Timed(turn, program, "installed", "installed")]


def _names(upgrade: Upgrade) -> tuple[str, ...]:
    """Return what apt is told: what needs an upgrade, and not all that was looked at."""
    return upgrade.names or tuple(each.name for each in upgrade.packages if each.old)


@dataclass(frozen=True)
class Reboot(Step):
    """Reboot this node, which ends the command; the next one goes on.

    Attributes:
        upgrade: The upgrade.
    """

    upgrade: Upgrade
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"rebooting {self.upgrade.node}; afterwards `takeover upgrade` there goes on"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that does it."""
        return (shlex.join(("systemctl", "reboot")),)

    def run(self, run: Run) -> None:
        """Have it rebooted."""
        mark = run.machine.root / _NOT_REBOOTED
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        UpgradeRecord(run.machine.state).keep(self.upgrade, "reboot")
        run.machine.runner.run("systemctl", "reboot", timeout=_TIMEOUT)


def is_rebooted(machine: Machine) -> bool:
    """Return whether this node was rebooted since a step of an upgrade has asked for that."""
    return not (machine.root / _NOT_REBOOTED).exists()


def start(turn: Upgrading) -> RunProgram:
    """Return the step that starts the cluster on this node; it may run already."""
    return RunProgram(
        f"starting the cluster on {turn.node}: up to {_START} s",
        ("pcs", "cluster", "start", f"--wait={_START}"),
        _START + _GRACE,
        "Look at `journalctl -u corosync -u pacemaker -u sbd`; then `takeover upgrade` goes on",
    )


@dataclass(frozen=True)
class WaitUntilWell(Step):
    """Wait until all is well but for the pause of the node.

    Attributes:
        turn: The node's upgrade.
        unwell: Returns what is not well beside that, and beside what was known.
    """

    turn: Upgrading
    unwell: Callable[[ClusterState], list[str]]
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting until all is well, so that {self.turn.node} may run services again"

    def run(self, run: Run) -> None:
        """Wait."""
        missing = wait_until(run.machine, lambda: self._missing(run), seconds=_WELL, pause=_POLL)
        if missing:
            self.turn.fails(run, f"{self.turn.node} is left paused: {missing}")

    def _missing(self, run: Run) -> str:
        run.before = run.state = read_explained_state(run.machine)
        return next(iter(self.unwell(run.state)), "")


@dataclass(frozen=True)
class Resume(Step):
    """End the pause of the node, and record in the history that it is upgraded.

    Attributes:
        upgrade: The upgrade.
    """

    upgrade: Upgrade
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"ending the pause of {self.upgrade.node}, and recording its upgrade for all nodes"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that ends it, for a user who types the commands of the steps."""
        return (shlex.join(("pcs", "node", "unstandby", self.upgrade.node)),)

    def run(self, run: Run) -> None:
        """End it, if nobody has ended it meanwhile."""
        machine, upgrade = run.machine, self.upgrade
        resolve(machine)
        planned = pausing.prepare_resume(machine, upgrade.node, patient=False)
        options = pausing.Options(
            message=message_of(upgrade),
            over_others=True,
            command=mixing.COMMAND,
            note=upgrade.rolling,
        )
        for step in pausing.changing(machine, planned, options):
            step.run(run)


def resolve(machine: Machine) -> None:
    """Find out what became of a change whose command was killed, and tell it; the lock is held."""
    for sentence in interruption.resolve_interrupted(machine, cib.query(machine)):
        machine.console.warning(sentence)


def message_of(upgrade: Upgrade) -> str:
    """Return what the history says of an upgrade."""
    return f"{mixing.REASON}{', '.join(each.text for each in upgrade.packages)}"
