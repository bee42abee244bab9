"""Waiting for something to become true, for a limited time."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], limit: float, pause: float = 0.01) -> bool:
    """Wait until a condition holds.

    Args:
        condition: Asked again and again, at least once.
        limit: For how long at most, in seconds.
        pause: From one question to the next, in seconds.

    Returns:
        Whether it held in time.
    """
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True
