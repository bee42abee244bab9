"""How an application is ended: asked, then killed, with every process that belongs to it."""

from __future__ import annotations

from ocf_agents.program.files import pidfile
from ocf_agents.program.parameters import SIGNALS
from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.process import Process, name, recall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.application import Application

POLL = 0.02  # seconds
MOMENT = 0.001  # seconds; the kernel needs less to be done with a dead process
CLEARING = 1.0  # seconds; a cgroup that is empty does no harm
ASKED = 2 / 3  # part of a stop's time before everything is killed
LONGEST_ASKED = 0.9  # the same if stop_timeout wants more: killing takes time too


def end(application: Application, deadline: Deadline, *, ask: bool) -> None:
    """End all processes of an application, and leave nothing of it.

    Args:
        application: The application.
        deadline: The end of the time for that.
        ask: Whether the processes are asked to end before they are killed.

    Raises:
        AgentError: Processes cannot be killed; the reason names them.
    """
    main = _main_process(application)
    # While their parents live: later these may be nobody's children.
    strays = application.descendants()
    if ask:
        patience = deadline.part(ASKED)
        if (seconds := application.parameters.stop_timeout) is not None:
            longest = deadline.part(LONGEST_ASKED)
            patience = Deadline(min(seconds, longest.left()))
        _ask_to_end(application, main, strays, patience)
    while left := _left(application, main, strays, deadline):
        application.containment.kill()
        for process in left:
            # Also those inside: they may have been found before they entered their containment.
            process.send(signals.KILL)
        for process in left:
            process.wait(min(POLL, deadline.left()))
        strays = [process for process in left if process.alive]
        if not deadline.pause(MOMENT):
            names = ", ".join(f"{name(process.pid)} ({process.pid})" for process in left)
            raise AgentError(f"{names} cannot be killed")
    patience = Deadline(min(CLEARING, deadline.left()))
    while not application.containment.release():
        if not patience.pause(MOMENT):
            log(f"the cgroup of {application.program} stays, with nothing in it", WARNING)
            break
    path = application.parameters.pidfile
    if path.startswith("/"):
        pidfile.remove(application.account(), path, deadline)
    application.state.forget()


def _main_process(application: Application) -> Process | None:
    """Return the first process: the oldest one of all if the state file has been lost."""
    values = application.state.read()
    if values:
        return recall(values)
    return min(application.members(), key=lambda process: int(process.started), default=None)


def _ask_to_end(
    application: Application, main: Process | None, strays: list[Process], patience: Deadline
) -> None:
    """Ask the first process to end, then those that it leaves behind, as init would."""
    if main is not None:
        given = application.parameters.stop_signal
        # A stopped process acts on nothing but KILL, until it is told to continue.
        main.send(signals.number(given if given in SIGNALS else "TERM"), signals.CONT)
        main.wait(patience.left())
    asked: set[int] = set()
    while patience.left() and (left := [*application.members(), *_alive(strays)]):
        for process in left:
            if process.pid not in asked:
                process.send(signals.TERM, signals.CONT)
                asked.add(process.pid)
        left[0].wait(min(POLL, patience.left()))


def _left(
    application: Application, main: Process | None, strays: list[Process], deadline: Deadline
) -> list[Process]:
    """Return the processes that are left; where none are known any more, by a look at all."""
    known = [*application.members(), *_alive(strays), *_alive([main] if main else [])]
    return known or application.strays(deadline)


def _alive(processes: list[Process]) -> list[Process]:
    return [process for process in processes if process.alive]
