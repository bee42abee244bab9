"""Where an agent is tried: its usual environment, a folder of its own, and what it has done."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from pcs_wrapper.conformance import without_programs
from pcs_wrapper.conformance.action import Command, Outcome, Unkillable, perform
from pcs_wrapper.conformance.codes import NOT_RUNNING, SUCCESS, WORKS, WORKS_PROMOTED
from pcs_wrapper.conformance.findings import Fault, Skipped
from pcs_wrapper.conformance.processes import Offspring, Process

if TYPE_CHECKING:
    from pcs_wrapper.conformance.described import Described

# What systemd gives to services, thus to Pacemaker's executor, thus to agents.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_LIMIT = 20.0  # seconds; what Pacemaker allows if nothing else is configured
SETTLE = 2.0  # seconds after a stop in which what it has ended may still disappear


class State(Enum):
    """What the resource is in, as far as its agent's answers tell."""

    STOPPED = "stopped"
    RUNNING = "running"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Setting:
    """What is different from usual when an action is called.

    Attributes:
        variables: Variables of the environment; None for one that is missing.
        bare: Whether there are no variables but these.
        umask: The umask.
        removed_folder: Whether it is called in a folder that has been removed.
        as_nobody: Whether it is called as the user nobody.
        without_programs: Whether there are no programs but the basic ones on the machine.
        kill_after: When it is killed, in seconds.
        limit: How long it may take, in seconds.
    """

    variables: Mapping[str, str | None] = field(default_factory=dict)
    bare: bool = False
    umask: int = 0o022
    removed_folder: bool = False
    as_nobody: bool = False
    without_programs: bool = False
    kill_after: float | None = None
    limit: float | None = None


USUAL = Setting()
NOTHING: Mapping[str, str] = {}


class Laboratory:
    """An agent on trial.

    Args:
        agent: Its file.
        parameters: The parameters of the resource, by name.
        limit: How long an action may take, in seconds; what is advertised, if it is not given.
        is_root: Whether this is root.
    """

    def __init__(
        self,
        agent: Path,
        parameters: Mapping[str, str],
        *,
        limit: float | None = None,
        is_root: bool | None = None,
    ) -> None:
        self.agent = agent
        self.parameters = dict(parameters)
        self.is_root = os.geteuid() == 0 if is_root is None else is_root
        self.described: Described | None = None
        self.history: list[Outcome] = []
        self.first_probe: Outcome | None = None
        self.state = State.UNKNOWN
        self._stuck: dict[str, str] = {}
        self._promoted = False
        self._limit = limit
        self._cannot_hide: bool | None = None
        self._offspring = Offspring()
        self._root = Path(tempfile.mkdtemp(prefix="takeover-check-"))
        self.run_folder = self._root / "run"  # HA_RSCTMP
        self.work_folder = self._root / "work"
        self._programs = self._root / "programs"
        for folder in (self.run_folder, self.work_folder, self._programs):
            folder.mkdir()
        self.environment = {
            "PATH": PATH,
            "OCF_ROOT": os.environ.get("OCF_ROOT", "/usr/lib/ocf"),
            "OCF_RA_VERSION_MAJOR": "1",
            "OCF_RA_VERSION_MINOR": "1",
            "OCF_RESOURCE_INSTANCE": f"takeover-check-{os.getpid()}",
            "OCF_RESOURCE_TYPE": agent.name,
            "OCF_RESOURCE_PROVIDER": agent.parent.name,
            "OCF_EXIT_REASON_PREFIX": "ocf-exit-reason:",
            "HA_RSCTMP": str(self.run_folder),
            **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
        }

    def close(self) -> str:
        """Stop the resource, end what it has left behind, and forget everything.

        Returns:
            What could not be cleaned up; "" if nothing is left.
        """
        problem = ""
        try:
            if self.state is not State.STOPPED and self._may_have_started:
                stopped = self.act("stop")
                if stopped.code != SUCCESS:
                    problem = f"the resource may still run here: its last stop: {stopped.ended}"
        except (Skipped, OSError) as error:
            problem = f"the resource may still run here: {error}"
        for process in self._offspring.alive():
            _kill(process)
        self._offspring.release()
        shutil.rmtree(self._root, ignore_errors=True)
        return problem

    def act(self, *arguments: str, setting: Setting = USUAL) -> Outcome:
        """Perform an action.

        Args:
            arguments: The action, and what follows it.
            setting: What is different from usual.

        Raises:
            Skipped: It cannot be performed like this here.
        """
        action = arguments[0] if arguments else ""
        limit = setting.limit or self.limit(action)
        ran = self._in_words(arguments, setting)
        folder = os.open(self._folder(setting), os.O_RDONLY | os.O_DIRECTORY)
        try:
            if setting.removed_folder:
                (self._root / "removed").rmdir()
            outcome = perform(
                Command(
                    self._command(arguments, setting),
                    self._variables(action, limit, setting),
                    Path(f"/proc/self/fd/{folder}"),  # there also if its path is not any more
                    limit,
                    kill_after=setting.kill_after,
                    umask=setting.umask,
                    as_nobody=setting.as_nobody,
                ),
                action,
                ran,
                self._offspring.bury,
            )
        except Unkillable as error:
            self._stuck = dict.fromkeys(("start", "stop"), str(error))
            self.state = State.UNKNOWN
            raise Skipped(str(error)) from error
        finally:
            os.close(folder)
        self.history.append(outcome)
        self._conclude(outcome)
        return outcome

    def monitor(self, interval: int = 10, variables: Mapping[str, str] = NOTHING) -> Outcome:
        """Perform a monitor, a probe if its interval (in seconds) is 0."""
        given = {"OCF_RESKEY_CRM_meta_interval": str(interval * 1000), **variables}
        return self.act("monitor", setting=Setting(given))

    def missing(self) -> list[str]:
        """Return the required parameters that are not given."""
        required = self.described.required if self.described else ()
        return [name for name in required if not self.parameters.get(name)]

    def probe_first(self) -> str:
        """Look whether the resource runs here already, before anything could stop it.

        Returns:
            Why it must not be started or stopped; "" if it may be.
        """
        if self.first_probe is None:
            self.first_probe = self.monitor(0)
            if self.first_probe.code == NOT_RUNNING:
                self.state = State.STOPPED
        if self.first_probe.code in WORKS + WORKS_PROMOTED:
            return (
                f"a probe says that the resource runs here already ({self.first_probe.ended}): "
                "what is in use is neither started nor stopped"
            )
        return ""

    def limit(self, action: str) -> float:
        """Return how long an action may take, in seconds."""
        advertised = self.described.timeout(action) if self.described else None
        return self._limit or max(advertised or 0, DEFAULT_LIMIT)

    def require_running(self) -> None:
        """See that the resource runs.

        Raises:
            Skipped: It does not start.
        """
        self._bring_to(State.RUNNING, "start")

    def require_stopped(self) -> None:
        """See that the resource is stopped.

        Raises:
            Skipped: It does not stop.
        """
        if self._promoted:
            self.act("demote")  # as a cluster does before every stop of a promoted one
        self._bring_to(State.STOPPED, "stop")

    def left_over(self) -> list[Process]:
        """Return the processes that actions have left, after those that are ending have ended."""
        until = time.monotonic() + SETTLE
        while (found := self._offspring.alive()) and time.monotonic() < until:
            time.sleep(0.05)
        return found

    def offspring(self) -> list[Process]:
        """Return the processes that actions have left at this moment."""
        return self._offspring.alive()

    def daemons(self) -> list[Process]:
        """Return those of them that are no children of others."""
        return [process for process in self._offspring.alive() if process.parent == os.getpid()]

    def daemons_beyond(self, before: list[Process]) -> list[Process]:
        """Return the daemons by which there are more than before, after a while.

        One that has taken the place of another is none of them.
        """
        until = time.monotonic() + SETTLE
        while len(now := self.daemons()) > len(before) and time.monotonic() < until:
            time.sleep(0.05)
        return [each for each in now if each not in before] if len(now) > len(before) else []

    def files(self) -> set[str]:
        """Return the files in the folder for run-time files, relative to it."""
        found = (path for path in self.run_folder.rglob("*") if not path.is_dir())
        return {str(path.relative_to(self.run_folder)) for path in found}

    @property
    def _may_have_started(self) -> bool:
        return any(outcome.action == "start" for outcome in self.history)

    def _bring_to(self, state: State, action: str) -> None:
        if self.state is state:
            return
        if action in self._stuck:  # once is enough: each further try may take its whole time
            raise Skipped(self._stuck[action])
        done = self.act(action)
        if done.code != SUCCESS:
            self._stuck[action] = f"the resource does not {action}: {reason(done)}"
            raise Skipped(self._stuck[action])

    def _conclude(self, outcome: Outcome) -> None:
        """Take from an outcome whether the resource runs now."""
        if outcome.action in ("start", "stop"):
            done = State.RUNNING if outcome.action == "start" else State.STOPPED
            self.state = done if outcome.code == SUCCESS else State.UNKNOWN
        if outcome.action == "promote":
            self._promoted = True
        elif outcome.action in ("demote", "stop") and outcome.code == SUCCESS:
            self._promoted = False

    def _folder(self, setting: Setting) -> Path:
        if not setting.removed_folder:
            return self.work_folder
        folder = self._root / "removed"
        folder.mkdir()
        return folder

    def _variables(self, action: str, limit: float, setting: Setting) -> dict[str, str]:
        usual: dict[str, str | None] = {
            **self.environment,
            "OCF_RESKEY_CRM_meta_timeout": str(int(limit * 1000)),
            "OCF_RESKEY_CRM_meta_interval": "10000" if action == "monitor" else "0",
        }
        variables = ({} if setting.bare else usual) | dict(setting.variables)
        return {name: value for name, value in variables.items() if value is not None}

    def _command(self, arguments: tuple[str, ...], setting: Setting) -> list[str]:
        command = [str(self.agent), *arguments]
        if not setting.without_programs:
            return command
        hide = [sys.executable, "-IS", without_programs.__file__, str(self._programs)]
        if self._cannot_hide is None:
            self._cannot_hide = not self.is_root or not _succeeds([*hide, "/bin/sh", "-c", ":"])
        if self._cannot_hide:
            raise Skipped("hiding the machine's programs needs root and a mount namespace")
        return [*hide, *command]

    def _in_words(self, arguments: tuple[str, ...], setting: Setting) -> str:
        """Write the command as env(1) would need it, with what is different from usual."""
        different: list[str] = []
        words = []
        if setting.bare:
            different.append("-i")
        for name, value in sorted(setting.variables.items(), key=lambda item: item[1] is not None):
            different += ["-u", name] if value is None else [f"{name}={value}"]
        if different:
            words = ["env", *different]
        circumstances = {
            "as nobody": setting.as_nobody,
            "without programs": setting.without_programs,
            "in a removed folder": setting.removed_folder,
            f"umask {setting.umask:03o}": setting.umask != Setting.umask,
            f"killed after {setting.kill_after or 0:.3g} s": setting.kill_after is not None,
        }
        notes = ", ".join(text for text, true in circumstances.items() if true)
        line = shlex.join([*words, str(self.agent), *arguments])
        return f"{line}  ({notes})" if notes else line


def reason(outcome: Outcome) -> str:
    """Say how an action ended and the last thing that it said."""
    said = outcome.stderr.strip().splitlines()
    return f"{outcome.ended}, {said[-1]}" if said else outcome.ended


def expect(outcome: Outcome, codes: tuple[int, ...], why: str = "") -> list[Fault]:
    """Return the fault of an action that ended with none of some codes.

    Args:
        outcome: The action.
        codes: The right exit codes.
        why: What is right, if more than the codes has to be said.
    """
    if outcome.code in codes and not outcome.hung:
        return []
    wanted = " or ".join(map(str, codes))
    return [Fault(outcome.ended, why or f"exit code {wanted}", outcome)]


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _kill(process: Process) -> None:
    try:
        os.kill(process.pid, 9)
    except ProcessLookupError:
        return
