"""ocf:takeover:app, an application that runs in the foreground, with all its processes."""

from __future__ import annotations

import os

from ocf_agents.program.application import Application
from ocf_agents.program.parameters import AppParameters
from ocf_agents.runtime.agent import Action, AgentError, Code, Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocf_agents.program.checks.check import Check

CHECK_HEALTH = 10  # the level of the monitor from which on the health check runs
GRACE = 0.3  # seconds in which a program ends that does not work, or does not know a signal


class App(AppParameters):
    """The agent that keeps a program of the administrator's running."""

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
        self._application = Application(self)

    def check_host(self) -> None:
        """Raise AgentError if something that the program needs is not here."""
        from ocf_agents.program.files.answering import insist
        from ocf_agents.runtime.command import find

        files = [self.binfile, self.workdir, self.logfile, self.errlogfile, self.pidfile]
        insist(files, self.deadline)
        find(self.binfile)
        self._application.account().environment(self.deadline)
        folders = [os.path.dirname(path) for path in (self.logfile, self.errlogfile) if path]
        for folder in (self.workdir, *folders):
            if folder and not os.path.isdir(folder):
                raise AgentError(f"there is no folder {folder} on this node", Code.ERR_INSTALLED)

    def start(self) -> None:
        """Start the program and wait until it serves."""
        from ocf_agents.program.launch import Launch

        Launch(self._application, self.deadline).start()

    def stop(self) -> None:
        """End the program, then whatever it leaves behind."""
        from ocf_agents.program.ending import end

        end(self._application, self.deadline, ask=True)

    def monitor(self) -> int:
        """Tell whether the program runs; from check level 10 on whether it is healthy."""
        application = self._application
        if application.main_process() is None:
            # Also on a probe: "not running" would let another node start it while these
            # processes still work on its data. A failure has them stopped first.
            if left := application.names(self.deadline):
                raise AgentError(f"{application.program} has died and left {left} behind")
            return Code.NOT_RUNNING
        application.bound_output()
        self._check_health()
        return Code.SUCCESS

    def reload(self) -> None:
        """Have the program read its configuration again; all else is read at every action."""
        program, main = self._application.program, self._application.main_process()
        if main is None:
            raise AgentError(f"{program} does not run")
        if self.reload_signal:
            from ocf_agents.runtime import signals

            main.send(signals.number(self.reload_signal))
            main.wait(min(GRACE, self.deadline.left()))
            if not main.alive:
                raise AgentError(f"{program} ended on SIG{self.reload_signal}")

    def watches(self) -> list[str]:
        """Return the program's first process."""
        process = self._application.main_process()
        return [f"process {process.pid} {process.started}"] if process else []

    def _check_health(self) -> None:
        """Run the checks of this monitor.

        Raises:
            AgentError: A check does not pass; DEGRADED if no check says anything worse.
        """
        program = self._application.program
        degraded = None
        for check in self._health_checks():
            limit = self.deadline.left()
            problem = check.problem(Deadline(min(self.health_timeout or limit, limit)))
            if problem is not None and problem.code != Code.DEGRADED:
                reason = f"{problem}; {program} is not healthy"
                raise AgentError(reason, details=problem.details)
            degraded = degraded or problem
        if degraded is not None:
            raise AgentError(f"{degraded}; {program} is degraded", Code.DEGRADED)

    def _health_checks(self) -> list[Check]:
        application = self._application
        health = application.health_check() if self.check_level >= CHECK_HEALTH else None
        return [check for check in (application.hook(), health) if check]
