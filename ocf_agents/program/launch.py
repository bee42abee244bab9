"""How an application is started: spawned, then waited for until it serves."""

from __future__ import annotations

import os
import time

from ocf_agents.program import check, limits, parameters, pidfile
from ocf_agents.program.ending import end
from ocf_agents.program.output import Output
from ocf_agents.program.spawn import Program, spawn
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.command import cause, find
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.process import Handle, Process, pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.app import App
    from ocf_agents.program.check import Check
    from ocf_agents.program.notify import NotifyCheck

CLEANUP = 0.15  # part of a start's time kept to end what did not become ready
CONTAINED = 0.005  # seconds between two looks whether the application is in its containment
GRACE = 0.3  # seconds that an application without a ready check has to live


class Failure(Exception):
    """The application did not become ready: what it did instead, and what its check says."""

    def __init__(self, what: str, problem: AgentError | None = None) -> None:
        super().__init__(what)
        self.problem = problem


class Launch:
    """One start of an application."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._account = app.account()
        self._began = time.time()
        files = app.logfile, app.errlogfile
        self._output = Output(app.environ, app.instance, self._account, files)
        self._notify: NotifyCheck | None = None
        if app.ready == parameters.NOTIFY:
            from ocf_agents.program.notify import NotifyCheck

            self._notify = NotifyCheck(app.containment)
        self._check = self._notify or self._ready_check()

    def start(self) -> None:
        """Start the application unless it runs, and return once it serves; raises AgentError."""
        patience = self._app.deadline.part(1 - CLEANUP)
        if self._app.ready_timeout:
            patience = Deadline(min(self._app.ready_timeout, patience.left()))
        try:
            process = self._running()
            if process is None:
                end(self._app, ask=False)  # children of an earlier run hold its ports and files
                process = self._spawn()
                self._wait_until_contained(process, patience)
            self._wait_until_ready(process, patience)
        except Failure as failure:
            end(self._app, ask=True)
            raise self._error(failure) from None
        except AgentError:
            end(self._app, ask=True)
            raise
        finally:
            self._output.close()
            if self._notify:
                self._notify.close()

    def _ready_check(self) -> Check | None:
        app = self._app
        if app.ready:
            return check.make("ready", app.ready, self._account)
        return app.hook() if app.monitor_hook else None

    def _running(self) -> Process | None:
        """Return the first process of an application that was started before."""
        process = self._app.main_process()
        if self._notify and "ready" not in self._app.state.read():
            return None  # what it had to say, it said to an agent that is no more
        return process

    def _spawn(self) -> Process:
        app = self._app
        output = self._output.open()
        arguments = check.split("cmdline_options", app.cmdline_options)
        prefix = app.containment.prepare(app.deadline)
        command = [*prefix, *self._account.become(), app.binfile, *arguments]
        command[0] = find(command[0])
        environment = self._account.environment()
        if self._notify:
            environment.update(self._notify.environment)
        program = Program(
            command,
            environment=environment,
            folder=app.workdir or self._account.home(),
            umask=parameters.file_mode(app.umask) or 0,
            limits=limits.parse("limits", app.limits),
            output=output,
        )
        process = spawn(program, app.containment, app.state)
        self._output.hand_over()
        self._tell_others(process)
        return process

    def _tell_others(self, process: Process) -> None:
        if self._app.pidfile:
            pidfile.write(self._account, self._app.pidfile, process.pid)

    def _wait_until_contained(self, process: Process, patience: Deadline) -> None:
        """Return when systemd-run has put the process into its scope, or it has ended."""
        while process.pid not in self._app.containment.members() and process.alive:
            if not patience.pause(CONTAINED):
                return

    def _wait_until_ready(self, process: Process, patience: Deadline) -> None:
        """Return when the program serves; raises Failure if it ends, or does not in time."""
        if self._notify and "ready" in self._app.state.read():
            return
        until = Deadline(GRACE)
        problem = None
        while True:
            found = self._check.problem(patience) if self._check else None
            if found is not None and found.code == Code.DEGRADED:
                log(f"{found}; {self._app.program} is degraded", WARNING)
                found = None  # it serves
            process = self._main_process(process)
            # A check cut off at the deadline says less than the one before it.
            problem = found if patience.left() else problem or found
            # Asked last: a port may have been answered by somebody else's program.
            if not process.alive:
                raise Failure(self._ending(process))
            if found is None and (self._check or not until.left()):
                self._remember_ready(process)
                return
            if not patience.left():
                raise Failure(f"{self._app.program} did not become ready in time", problem)
            poll = self._check.poll if self._check else until.left()
            with Handle(process) as ended:
                message = self._notify.fileno() if self._notify else -1
                pause((ended, message), min(poll, patience.left()))

    def _main_process(self, process: Process) -> Process:
        """Return the first process: the one that the application calls so, if it does."""
        said = self._notify.main if self._notify else None
        if said is None or said.pid == process.pid:
            return process
        self._app.state.write({"pid": str(said.pid), "started": said.started})
        self._tell_others(said)
        return said

    def _remember_ready(self, process: Process) -> None:
        if self._notify:
            ready = {"pid": str(process.pid), "started": process.started, "ready": "1"}
            self._app.state.write(ready)

    def _ending(self, process: Process) -> str:
        """Return how a process ended, which is only known of one that this action has started."""
        program = self._app.program
        try:
            code = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        except ChildProcessError:
            return f"{program} ended while starting"
        if code == 0 and (left := self._app.member_names()):
            return f"{program} went to the background as {left}: it must stay in the foreground"
        how = f"ended with {code}" if code >= 0 else f"was killed by signal {-code}"
        return f"{program} {how} while starting"

    def _error(self, failure: Failure) -> AgentError:
        """Return the reason for a failure, which begins with the words of whoever knows it."""
        said = self._output.tail(self._began)
        problem = failure.problem
        why = str(problem) if problem else cause(said)
        if not why and self._notify:
            why = self._notify.status
        details = f"{problem.details}\n{said}" if problem else said
        return AgentError(f"{why}; {failure}" if why else str(failure), details=details)
