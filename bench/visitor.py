"""Somebody who knocks at the service's door all the time, and knows when it was not opened."""

import subprocess
import sys
import threading
import time
from itertools import pairwise
from typing import Self

from vagrant.common.networks import floating_address
from vagrant.rig import Rig

#: How long the service has to be there to be back, and how long it may pause then; in seconds.
STEADY, PAUSE = 1.0, 0.25
_ENDING = 10.0


class Visitor:
    """Knocks at the service's door while the `with` block lasts (bench.knocking).

    Args:
        rig: the rig.
    """

    def __init__(self, rig: Rig) -> None:
        command = rig.client_command(sys.executable, "-m", "bench.knocking", floating_address())
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._served: list[float] = []
        self._missed: list[float] = []
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        """The visitor itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the program."""
        assert self._process.stdin  # noqa: S101 - asked for in __init__
        self._process.stdin.close()
        self._process.wait(_ENDING)

    def outage(self, since: float) -> float:
        """The longest time without the service since a moment, in seconds; it may not be over."""
        now = time.monotonic()
        served = [at for at in list(self._served) if at > since]
        return max(b - a for a, b in pairwise([since, *served, now]))

    def is_served(self) -> bool:
        """Whether the service has been there for a while."""
        return self.outage(time.monotonic() - STEADY) < PAUSE

    def is_served_again(self, since: float) -> bool:
        """Whether the service was missed since a moment, and has not been for a while."""
        missed = [at for at in list(self._missed) if at > since]
        return bool(missed) and missed[-1] < time.monotonic() - STEADY and self.is_served()

    def _read(self) -> None:
        assert self._process.stdout  # noqa: S101 - asked for in __init__
        for line in self._process.stdout:
            at, _, what = line.partition(" ")
            (self._served if what.strip() == "served" else self._missed).append(float(at))
