"""Signals by their numbers: the `signal` module loads enum, which is a third of a stop's time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as c
else:
    import _signal as c  # its functions alone

CHLD, CONT, KILL, PIPE, TERM = map(int, (c.SIGCHLD, c.SIGCONT, c.SIGKILL, c.SIGPIPE, c.SIGTERM))


def number(name: str) -> int:
    """Return the number of a signal, given by its name without SIG."""
    return int(getattr(c, f"SIG{name}"))


def name(number: int) -> str:
    """Return the full name of TERM or KILL."""
    return {KILL: "SIGKILL", TERM: "SIGTERM"}[number]


def send(process: int, number: int) -> None:
    """Send a signal to the process of a descriptor (pidfd_send_signal(2)).

    Raises:
        OSError: It has ended, or may not be sent a signal.
    """
    c.pidfd_send_signal(process, number)


def ignore(number: int) -> None:
    """Ignore a signal from now on."""
    c.signal(number, c.SIG_IGN)


def reset(number: int) -> None:
    """Give a signal its usual effect."""
    c.signal(number, c.SIG_DFL)


def reset_all() -> None:
    """Ignore and block no signal: Python ignores some, and programs inherit that."""
    for number in c.valid_signals():
        if c.getsignal(number) == c.SIG_IGN:
            reset(number)
    c.pthread_sigmask(c.SIG_SETMASK, [])
