"""How an application is started: spawned, then waited for until it serves."""

from __future__ import annotations

import os
import time

from ocf_agents.program import limits
from ocf_agents.program.checks.words import split
from ocf_agents.program.ending import end
from ocf_agents.program.files import pidfile
from ocf_agents.program.files.output import Output
from ocf_agents.program.parameters import NOTIFY, file_mode
from ocf_agents.program.spawn import Program, spawn
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.command import cause, find, shortened
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.process import Handle, Process, pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.application import Application
    from ocf_agents.program.checks.notify import NotifyCheck

CLEANUP = 0.15  # part of a start's time kept to end what did not become ready
CONTAINED = 0.005  # seconds between two looks whether the application is in its containment
GRACE = 0.3  # seconds that an application without a ready check has to live


class NotReady(Exception):
    """The application did not become ready.

    Args:
        what: What it did instead.
        problem: What its ready check says, if it has one.
    """

    def __init__(self, what: str, problem: AgentError | None = None) -> None:
        super().__init__(what)
        self.problem = problem


class Launch:
    """One start of an application.

    Args:
        application: The application.
        deadline: The end of the time for its start.

    Raises:
        AgentError: Its ready check is none.
    """

    def __init__(self, application: Application, deadline: Deadline) -> None:
        self._application = application
        self._parameters = application.parameters
        self._deadline = deadline
        self._account = application.account()
        self._began = time.time()
        files = self._parameters.logfile, self._parameters.errlogfile
        environ, instance = self._parameters.environ, self._parameters.instance
        self._output = Output(environ, instance, self._account, files)
        self._notify: NotifyCheck | None = None
        if self._parameters.ready == NOTIFY:
            from ocf_agents.program.checks.notify import NotifyCheck

            self._notify = NotifyCheck(application.containment)
        self._check = self._notify or application.ready_check() or application.hook()

    def start(self) -> None:
        """Start the application unless it runs, and return once it serves.

        Raises:
            AgentError: It does not serve; nothing of it is left.
        """
        patience = self._deadline.part(1 - CLEANUP)
        if self._parameters.ready_timeout:
            patience = Deadline(min(self._parameters.ready_timeout, patience.left()))
        try:
            process = self._running()
            if process is None:
                # Children of an earlier run hold its ports and files.
                end(self._application, self._deadline, ask=False)
                self._insist_on_free_port()
                process = self._spawn(patience)
                self._wait_until_contained(process, patience)
            self._wait_until_ready(process, patience)
        except NotReady as failure:
            end(self._application, self._deadline, ask=True)
            raise self._error(failure) from None
        except AgentError:
            end(self._application, self._deadline, ask=True)
            raise
        finally:
            self._output.close()
            if self._notify:
                self._notify.close(self._deadline)

    def _running(self) -> Process | None:
        """Return the first process of an application that was started before."""
        process = self._application.main_process()
        if self._notify and "ready" not in self._application.state.read():
            return None  # its messages were for an earlier agent, which has ended
        return process

    def _insist_on_free_port(self) -> None:
        """Ask once: who answers now would be taken for the application, until that ends.

        Raises:
            AgentError: Somebody else has the port of the ready check.
        """
        address = self._check.address if self._check else None
        if address is not None:
            from ocf_agents.program.checks.occupied import occupant

            if who := occupant(*address, self._deadline):
                host, port = address
                program = self._application.program
                raise AgentError(f"{who} has port {port} of {host} already; {program} is not it")

    def _spawn(self, patience: Deadline) -> Process:
        application, parameters = self._application, self._parameters
        output = self._output.open()
        arguments = split("cmdline_options", parameters.cmdline_options)
        environment = self._account.environment(patience)
        if self._notify:
            environment.update(self._notify.environment)
        program = Program(
            [find(parameters.binfile), *arguments],
            identity=self._account.identity(),
            environment=environment,
            folder=parameters.workdir or self._account.home(),
            umask=file_mode(parameters.umask) or 0,
            limits=limits.parse("limits", parameters.limits),
            output=output,
        )
        containment = application.containment
        containment.prepare(patience)
        try:
            process = spawn(program, containment, application.state, patience)
        finally:
            containment.entered()
        if self._notify:
            self._notify.child = process.pid
        self._output.hand_over()
        self._write_pidfile(process)
        return process

    def _write_pidfile(self, process: Process) -> None:
        if self._parameters.pidfile:
            pidfile.write(self._account, self._parameters.pidfile, process.pid)

    def _wait_until_contained(self, process: Process, patience: Deadline) -> None:
        """Return when the process is where the application's are, or has ended."""
        containment = self._application.containment
        while process.pid not in containment.members() and process.alive:
            if not patience.pause(CONTAINED):
                return

    def _wait_until_ready(self, process: Process, patience: Deadline) -> None:
        """Return when the program serves.

        Raises:
            NotReady: It has ended, or does not serve in time.
        """
        if self._notify and "ready" in self._application.state.read():
            return
        name = self._application.program
        until = Deadline(GRACE)
        problem = None
        while True:
            found = self._check.problem(patience) if self._check else None
            if found is not None and found.code == Code.DEGRADED:
                log(f"{found}; {name} is degraded", WARNING)
                found = None  # it serves
            process = self._main_process(process)
            # A check cut off at the deadline says less than the one before it.
            problem = found if patience.left() else problem or found
            # Asked last: a port may have been answered by somebody else's program.
            if not process.alive:
                raise NotReady(self._ending(process))
            if found is None and (self._check or not until.left()):
                self._remember_ready(process)
                return
            if not patience.left():
                raise NotReady(f"{name} did not become ready in time", problem)
            poll = self._check.poll if self._check else until.left()
            with Handle(process) as ended:
                message = self._notify.fileno() if self._notify else -1
                pause((ended, message), min(poll, patience.left()))

    def _main_process(self, process: Process) -> Process:
        """Return the first process: the one that the application calls so, if it does."""
        named = self._notify.main if self._notify else None
        if named is None or named.pid == process.pid:
            return process
        self._remember(named)
        self._write_pidfile(named)
        return named

    def _remember_ready(self, process: Process) -> None:
        if self._notify:
            self._remember(process, ready="1")

    def _remember(self, process: Process, **more: str) -> None:
        """Remember another process as the first one; the session stays that of the one before."""
        values = self._application.state.read()
        session = {"session": values["pid"], "session_started": values["started"]}
        first = {"pid": str(process.pid), "started": process.started}
        self._application.state.write({**session, **values, **first, **more})

    def _ending(self, process: Process) -> str:
        """Return how a process ended, which is only known of one that this action has started."""
        program = self._application.program
        if self._notify:  # its last words, while it is known whose they are
            self._notify.problem(self._deadline)
        try:
            code = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        except ChildProcessError:
            return f"{program} ended while starting"
        if code == 0 and (left := self._application.names(self._deadline)):
            return f"{program} went to the background as {left}: it must stay in the foreground"
        how = f"ended with {code}" if code >= 0 else f"was killed by signal {-code}"
        return f"{program} {how} while starting"

    def _error(self, failure: NotReady) -> AgentError:
        """Return the reason for a failure, which begins with the words of whoever knows it."""
        output = self._output.tail(self._began)
        problem = failure.problem
        why = str(problem) if problem else cause(output)
        if not why and self._notify:
            why = cause(self._notify.status)
        details = f"{problem.details}\n{shortened(output)}" if problem else shortened(output)
        return AgentError(f"{why}; {failure}" if why else str(failure), details=details)
