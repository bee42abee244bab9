"""The client as the demo sees it: when it was served, and whether it lost anything."""

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

from vagrant.rig import Rig


class ClientError(Exception):
    """The client is not served, or its program ended."""


@dataclass(frozen=True)
class Check:
    """What the client found when it looked for its rows.

    Args:
        acknowledged: Rows whose COMMIT returned, since the client began.
        lost: The numbers of those that are not there.
    """

    acknowledged: int
    lost: list[int]


class Client:
    """Runs `vagrant.demo.ledger` in the client's network while the `with` block lasts.

    Args:
        rig: The rig.
        host: The address of the service.
        password: The password of the database user; it is passed in the environment.
    """

    def __init__(self, rig: Rig, host: str, password: str) -> None:
        self._complaints = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - until __exit__
        program = (sys.executable, "-m", "vagrant.demo.ledger")
        self._process = subprocess.Popen(
            rig.client_command(*program, host, str(rig.equipment.patience)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            # Ctrl-C is the demo's, not the client's.
            start_new_session=True,
            env=os.environ | {"PGPASSWORD": password},
        )
        self._acks: list[float] = []
        self._last_begun = -math.inf
        self._checks: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the client's program."""
        assert self._process.stdin  # noqa: S101 - asked for in __init__
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.close()

    def wait_until_served(self, since: float, limit: float) -> None:
        """Wait until a row is acknowledged that was begun later than `since`.

        A row that was begun before may have been on its way at that moment, acknowledgement and
        all: it says nothing of what the service does afterwards.

        Args:
            since: Seconds of CLOCK_MONOTONIC.
            limit: For how long to wait at most, in seconds.

        Raises:
            ClientError: No such row was acknowledged in time, or the client's program ended.
        """
        end = time.monotonic() + limit
        while self._last_begun <= since:
            if self._process.poll() is not None:
                raise ClientError(f"the client's program {self._ending()}")
            if time.monotonic() > end:
                raise ClientError(f"the client has not been served for {limit:.0f} s")
            time.sleep(0.01)

    def write_steadily(self, duration: float) -> None:
        """Let the client write for a while.

        Args:
            duration: Seconds.

        Raises:
            ClientError: The client was not served until the end.
        """
        time.sleep(duration)
        self.wait_until_served(time.monotonic(), duration)

    def outage(self, since: float, until: float) -> float:
        """Return the longest time without an acknowledged row around a fault.

        Args:
            since: Seconds of CLOCK_MONOTONIC, before the fault.
            until: Seconds of CLOCK_MONOTONIC, when all is well again.

        Returns:
            Seconds.
        """
        acks = list(self._acks)
        pairs = pairwise(acks)
        return max((b - a for a, b in pairs if b > since and a < until), default=until - since)

    def check(self, limit: float = 60.0) -> Check:
        """Have the client look for every row that it was told is safe.

        Raises:
            ClientError: The client has not answered after `limit` seconds.
        """
        assert self._process.stdin  # noqa: S101 - asked for in __init__
        self._process.stdin.write("check\n")
        self._process.stdin.flush()
        try:
            return Check(**self._checks.get(timeout=limit))
        except Empty:
            raise ClientError(f"the client could not check its rows for {limit:.0f} s") from None

    def _ending(self) -> str:
        """Return how the program ended, with the end of what it wrote about it."""
        self._complaints.seek(0)
        return f"ended with {self._process.returncode}: {self._complaints.read()[-2000:].strip()}"

    def _read(self) -> None:
        assert self._process.stdout  # noqa: S101 - asked for in __init__
        for line in self._process.stdout:
            message = json.loads(line)
            if "ack" in message:
                self._acks.append(message["at"])
                self._last_begun = message["begun"]
            else:
                self._checks.put(message)
