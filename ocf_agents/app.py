"""ocf:takeover:app, an application that runs in the foreground, with all its processes."""

from __future__ import annotations

import os

from ocf_agents.program.containment import containment
from ocf_agents.program.parameters import AppParameters
from ocf_agents.runtime.agent import Action, AgentError, Code, Deadline
from ocf_agents.runtime.process import Process, name, recall
from ocf_agents.runtime.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocf_agents.program.account import Account
    from ocf_agents.program.check import Check

CHECK_HEALTH = 10  # the level of the monitor from which on the health check runs
GRACE = 0.3  # seconds in which a program ends that does not work, or does not know a signal


class App(AppParameters):
    """An application of the administrator's."""

    name = "app"
    short = "Application that runs in the foreground"
    long = (
        "Starts a program that stays in the foreground, waits until it serves, watches it and "
        "stops it with all its child processes. Its output goes to the journal under the name "
        "takeover-app-INSTANCE."
    )
    actions = (
        Action("start", timeout=60),
        Action("stop", timeout=60),
        Action("monitor", timeout=20, interval=10, depth=0),
        Action("monitor", timeout=20, interval=30, depth=10),
        Action("reload-agent", timeout=20),
        Action("meta-data", timeout=5),
        Action("validate-all", timeout=20),
    )

    def __init__(self, environ: Mapping[str, str], action: str = "") -> None:
        super().__init__(environ, action)
        self.state = State(environ, self.instance)
        self.containment = containment(self.instance, self.state)

    def check_host(self) -> None:
        """Raise AgentError if something that the program needs is not here."""
        from ocf_agents.runtime.command import find

        find(self.binfile)
        self.account().environment()
        folders = [os.path.dirname(path) for path in (self.logfile, self.errlogfile) if path]
        for folder in (self.workdir, *folders):
            if folder and not os.path.isdir(folder):
                raise AgentError(f"there is no folder {folder} on this node", Code.ERR_INSTALLED)

    def start(self) -> None:
        """Start the program and wait until it serves."""
        from ocf_agents.program.launch import Launch

        Launch(self).start()

    def stop(self) -> None:
        """End the program, then whatever it leaves behind."""
        from ocf_agents.program.ending import end

        end(self, ask=True)

    def monitor(self) -> int:
        """Tell whether the program runs; from check level 10 on whether it is healthy."""
        if self.main_process() is None:
            if not self.containment.members():
                return Code.NOT_RUNNING
            # Also on a probe: "not running" would let another node start it while these
            # processes still work on its data. A failure has them stopped first.
            raise AgentError(f"{self.program} has died and left {self.member_names()} behind")
        self._check_health()
        return Code.SUCCESS

    def reload(self) -> None:
        """Have the program read its configuration again; all else is read at every action."""
        main = self.main_process()
        if main is None:
            raise AgentError(f"{self.program} does not run")
        if self.reload_signal:
            from ocf_agents.runtime import signals

            main.send(signals.number(self.reload_signal))
            main.wait(min(GRACE, self.deadline.left()))
            if not main.alive:
                raise AgentError(f"{self.program} ended on SIG{self.reload_signal}")

    def watches(self) -> list[str]:
        """Return the program's first process."""
        process = self.main_process()
        return [f"process {process.pid} {process.started}"] if process else []

    @property
    def program(self) -> str:
        """The name of the program, short enough for a reason."""
        return os.path.basename(self.binfile) or "the program"

    def account(self) -> Account:
        """Return who the program runs as."""
        from ocf_agents.program.account import Account

        return Account(self.user, self.environment_file)

    def main_process(self) -> Process | None:
        """Return the program's first process if it is alive."""
        return recall(self.state.read())

    def member_names(self) -> str:
        """Return the names and numbers of all its processes."""
        return ", ".join(f"{name(pid)} ({pid})" for pid in self.containment.members())

    def hook(self) -> Check:
        """Return the check that `monitor_hook` is: run by root, with the agent's environment."""
        from ocf_agents.program.account import Account
        from ocf_agents.program.check import CommandCheck, split_hook
        from ocf_agents.runtime.command import ENVIRONMENT

        words = split_hook("monitor_hook", self.monitor_hook)
        environment = {**self.environ, "PATH": ENVIRONMENT["PATH"]}
        return CommandCheck(words, Account(""), environment)

    def _check_health(self) -> None:
        """Raise AgentError if a check does not pass; with DEGRADED if none says more than that."""
        degraded = None
        for check in self._health_checks():
            limit = self.deadline.left()
            problem = check.problem(Deadline(min(self.health_timeout or limit, limit)))
            if problem is not None and problem.code != Code.DEGRADED:
                reason = f"{problem}; {self.program} is not healthy"
                raise AgentError(reason, details=problem.details)
            degraded = degraded or problem
        if degraded is not None:
            raise AgentError(f"{degraded}; {self.program} is degraded", Code.DEGRADED)

    def _health_checks(self) -> list[Check]:
        checks = [self.hook()] if self.monitor_hook else []
        if self.health and self.check_level >= CHECK_HEALTH:
            from ocf_agents.program.check import make

            checks.append(make("health", self.health, self.account()))
        return checks
