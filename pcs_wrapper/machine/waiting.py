"""Waiting until something is true, with a time limit; and saying what is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pcs_wrapper.machine.machine import Machine

_TICK = 1.0


@contextmanager
def shown_as_waiting(machine: Machine, text: str) -> Iterator[None]:
    """Show while the `with` block lasts what it waits for, such as a program that takes long.

    Args:
        machine: This machine.
        text: What is waited for, in a sentence.
    """
    begin = machine.clock()
    ended = threading.Event()

    def show() -> None:
        while not ended.wait(_TICK):
            machine.console.waiting(text, machine.clock() - begin)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        machine.console.waiting("", 0.0)


def wait_until(
    machine: Machine, missing: Callable[[], str], *, seconds: float, pause: float
) -> str:
    """Check again and again until nothing is missing any more, or the time limit is reached.

    What is missing is shown meanwhile.

    Args:
        machine: This machine, whose clock is used.
        missing: A function that returns what is still missing, in a clause; empty if nothing is.
        seconds: The time limit, in seconds.
        pause: The time between two checks, in seconds.

    Returns:
        What was missing at the last check; empty if nothing was.
    """
    begin = machine.clock()
    try:
        while lacking := missing():
            elapsed = machine.clock() - begin
            if elapsed >= seconds:
                return lacking
            machine.console.waiting(lacking, elapsed)
            machine.sleep(pause)
        return ""
    finally:
        machine.console.waiting("", 0.0)
