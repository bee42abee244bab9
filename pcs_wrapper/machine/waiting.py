"""The one way in which commands wait: until something is true, and never without a limit."""

from __future__ import annotations

from collections.abc import Callable

from pcs_wrapper.machine.machine import Machine


def wait_until(
    machine: Machine, missing: Callable[[], str], *, seconds: float, pause: float
) -> str:
    """Look again and again until nothing is missing any more, or the time is over.

    Args:
        machine: This machine, whose clock it is.
        missing: Says what is still missing, in a clause; empty if nothing is.
        seconds: For how long at most.
        pause: Seconds between two looks.

    Returns:
        What was missing at the last look; empty if nothing was.
    """
    end = machine.clock() + seconds
    while what := missing():
        if machine.clock() >= end:
            return what
        machine.sleep(pause)
    return ""
