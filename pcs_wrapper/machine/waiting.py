"""Waiting until something is true, with a time limit."""

from __future__ import annotations

from collections.abc import Callable

from pcs_wrapper.machine.machine import Machine


def wait_until(
    machine: Machine, missing: Callable[[], str], *, seconds: float, pause: float
) -> str:
    """Check again and again until nothing is missing any more, or the time limit is reached.

    Args:
        machine: This machine, whose clock is used.
        missing: A function that returns what is still missing, in a clause; empty if nothing is.
        seconds: The time limit, in seconds.
        pause: The time between two checks, in seconds.

    Returns:
        What was missing at the last check; empty if nothing was.
    """
    end = machine.clock() + seconds
    while lacking := missing():
        if machine.clock() >= end:
            return lacking
        machine.sleep(pause)
    return ""
