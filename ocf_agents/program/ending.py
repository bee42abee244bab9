"""How an application is ended: asked, then killed, with every process that belongs to it."""

from __future__ import annotations

from ocf_agents.program.files import pidfile
from ocf_agents.program.parameters import SIGNALS
from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.process import Process, identify, recall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.application import Application

POLL = 0.02  # seconds
MOMENT = 0.001  # seconds; the kernel needs less to be done with a dead process
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
    if ask:
        patience = deadline.part(ASKED)
        if (seconds := application.parameters.stop_timeout) is not None:
            patience = Deadline(min(seconds, deadline.part(LONGEST_ASKED).left()))
        _ask_to_end(application, main, patience)
    while not _nothing_left(application, main):
        application.containment.kill()
        dying = _members(application)
        if main is not None:  # it may have been killed before it entered its containment
            main.send(signals.KILL)
            dying.append(main)
        for process in dying:
            process.wait(min(POLL, deadline.left()))
        if not deadline.pause(MOMENT):
            who = application.member_names() or application.program
            raise AgentError(f"{who} cannot be killed")
    path = application.parameters.pidfile
    if path.startswith("/"):
        pidfile.remove(application.account(), path)
    application.state.forget()


def _main_process(application: Application) -> Process | None:
    """Return the first process: the oldest one of all if the state file has been lost."""
    values = application.state.read()
    if values:
        return recall(values)
    return min(_members(application), key=lambda process: int(process.started), default=None)


def _ask_to_end(application: Application, main: Process | None, patience: Deadline) -> None:
    """Ask the first process to end, then those that it leaves behind, as init would."""
    if main is not None:
        given = application.parameters.stop_signal
        # A stopped process acts on nothing but KILL, until it is told to continue.
        main.send(signals.number(given if given in SIGNALS else "TERM"), signals.CONT)
        main.wait(patience.left())
    asked: set[int] = set()
    while patience.left() and (left := _members(application)):
        for process in left:
            if process.pid not in asked:
                process.send(signals.TERM, signals.CONT)
                asked.add(process.pid)
        left[0].wait(min(POLL, patience.left()))


def _nothing_left(application: Application, main: Process | None) -> bool:
    if _members(application) or (main is not None and main.alive):
        return False
    return application.containment.release()


def _members(application: Application) -> list[Process]:
    members = application.containment.members()
    return [process for pid in members if (process := identify(pid))]
