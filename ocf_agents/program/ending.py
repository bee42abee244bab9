"""How an application is ended: asked, then killed, with every process that belongs to it."""

from __future__ import annotations

from ocf_agents.program import pidfile
from ocf_agents.program.parameters import SIGNALS
from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.process import Process, identify, recall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.app import App

POLL = 0.02  # seconds
MOMENT = 0.001  # seconds; the kernel needs less to be done with a dead process
GENTLE = 2 / 3  # part of a stop's time before everything is killed
LONGEST = 0.9  # the same if stop_timeout wants more: killing takes time too


def end(app: App, *, ask: bool) -> None:
    """End all processes of an application, and leave nothing of it.

    Parameters: the application, whether to ask the processes before they are killed. Raises
    AgentError naming the processes that cannot be killed.
    """
    main = _main(app)
    if ask:
        patience = app.deadline.part(GENTLE)
        if app.stop_timeout is not None:
            patience = Deadline(min(app.stop_timeout, app.deadline.part(LONGEST).left()))
        _ask(app, main, patience)
    while not _nothing_left(app, main):
        app.containment.kill()
        dying = _members(app)
        if main is not None:  # it may have been killed before it entered its containment
            main.send(signals.KILL)
            dying.append(main)
        for process in dying:
            process.wait(min(POLL, app.deadline.left()))
        if not app.deadline.pause(MOMENT):
            raise AgentError(f"{app.member_names() or app.program} cannot be killed")
    if app.pidfile.startswith("/"):
        pidfile.remove(app.account(), app.pidfile)
    app.state.forget()


def _main(app: App) -> Process | None:
    """Return the first process: the oldest one of all if the state file has been lost."""
    values = app.state.read()
    if values:
        return recall(values)
    return min(_members(app), key=lambda process: int(process.started), default=None)


def _ask(app: App, main: Process | None, patience: Deadline) -> None:
    """Ask the first process to end, then those that it leaves behind, as init would."""
    if main is not None:
        word = app.stop_signal if app.stop_signal in SIGNALS else "TERM"
        # A stopped process acts on nothing but KILL, until it is told to continue.
        main.send(signals.number(word), signals.CONT)
        main.wait(patience.left())
    asked: set[int] = set()
    while patience.left() and (left := _members(app)):
        for process in left:
            if process.pid not in asked:
                process.send(signals.TERM, signals.CONT)
                asked.add(process.pid)
        left[0].wait(min(POLL, patience.left()))


def _nothing_left(app: App, main: Process | None) -> bool:
    if _members(app) or (main is not None and main.alive):
        return False
    return app.containment.release()


def _members(app: App) -> list[Process]:
    return [process for pid in app.containment.members() if (process := identify(pid))]
