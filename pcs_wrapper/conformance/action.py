"""One action of an agent: run as Pacemaker would, and looked at from outside."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pcs_wrapper.conformance.processes import holders

DRAIN = 1.0  # seconds after an action's end in which its output has to end too
PATIENCE = 10.0  # seconds that the kernel gets to end what was killed
TICK = 0.02  # seconds between two looks at what has ended
MOST_OUTPUT = 1 << 20  # bytes that are kept
NOBODY = 65534


@dataclass(frozen=True)
class Outcome:
    """What came of an action.

    Attributes:
        action: Its name; "" if none was given.
        ran: The command, with what was different from usual.
        code: The exit code; negative for a signal.
        stdout: What it wrote to standard output.
        stderr: What it wrote to standard error.
        seconds: How long it took.
        limit: How long it was allowed to take, in seconds.
        hung: Whether it was killed for that.
        killed: Whether it was killed on purpose.
        kept_open: The processes that kept its output open after its end.
    """

    action: str
    ran: str
    code: int
    stdout: bytes
    stderr: str
    seconds: float
    limit: float
    hung: bool = False
    killed: bool = False
    kept_open: tuple[str, ...] = ()

    @property
    def ended(self) -> str:
        """How it ended, in words."""
        if self.hung:
            return f"still running after {self.seconds:.3g} s, and killed"
        if self.code < 0:
            return f"killed by signal {-self.code}"
        return f"exit code {self.code}"


class Unkillable(Exception):
    """An action does not end even when it is killed: it waits for a device or a server."""


@dataclass(frozen=True)
class Command:
    """How an agent is called.

    Attributes:
        arguments: The program and its arguments.
        environment: All variables.
        folder: The folder that it is called in.
        limit: The time that it has, in seconds.
        kill_after: When to kill it on purpose, in seconds.
        umask: The umask to call it with.
        as_nobody: Whether to call it as the user nobody.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    limit: float
    kill_after: float | None = None
    umask: int = 0o022
    as_nobody: bool = False


def perform(command: Command, action: str, ran: str, tick: Callable[[int], None]) -> Outcome:
    """Run an action and wait for its end, or kill it with its process group, as Pacemaker does.

    Args:
        command: How to run it.
        action: Its name.
        ran: What is run, in words.
        tick: Called again and again meanwhile, with the number of its process.

    Raises:
        Unkillable: It does not end.
        OSError: It cannot be run.
    """
    # A process group, not a session: that is what Pacemaker makes (lib/services).
    process = subprocess.Popen(
        command.arguments,
        env=dict(command.environment),
        cwd=command.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        umask=command.umask,
        user=NOBODY if command.as_nobody else None,
        group=NOBODY if command.as_nobody else None,
        extra_groups=[] if command.as_nobody else None,
    )
    try:
        return _follow(process, command, action, ran, tick)
    except BaseException:  # also when the whole test is interrupted
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        raise


def _follow(
    process: subprocess.Popen[bytes],
    command: Command,
    action: str,
    ran: str,
    tick: Callable[[int], None],
) -> Outcome:
    """Wait for the end of an action, or bring it about."""
    began = time.monotonic()
    with _Reader(process, tick) as reader:
        patience = command.limit if command.kill_after is None else command.kill_after
        in_time = reader.wait(began + patience)
        if not in_time:
            os.killpg(process.pid, signal.SIGKILL)
            if not reader.wait(time.monotonic() + PATIENCE):
                raise Unkillable(f"{ran} does not end, though it was killed")
        seconds = time.monotonic() - began
        kept_open = reader.drain(DRAIN)
        return Outcome(
            action=action,
            ran=ran,
            code=process.wait(),
            stdout=reader.output("stdout"),
            stderr=reader.output("stderr").decode(errors="replace"),
            seconds=seconds,
            limit=command.limit,
            hung=not in_time and command.kill_after is None,
            killed=not in_time and command.kill_after is not None,
            kept_open=kept_open,
        )


class _Reader:
    """Reads what a process writes until it ends."""

    def __init__(self, process: subprocess.Popen[bytes], tick: Callable[[int], None]) -> None:
        self._process = process
        self._tick = tick
        self._pidfd = os.pidfd_open(process.pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pidfd, selectors.EVENT_READ)
        self._output = {"stdout": bytearray(), "stderr": bytearray()}
        for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            assert pipe is not None  # noqa: S101 - for the type checker: both are pipes
            self._selector.register(pipe, selectors.EVENT_READ, name)

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        os.close(self._pidfd)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def output(self, name: str) -> bytes:
        """Return what was written."""
        return bytes(self._output[name])

    def wait(self, until: float) -> bool:
        """Read until the process has ended or the time has come; tell whether it has ended."""
        while (left := until - time.monotonic()) > 0:
            self._tick(self._process.pid)
            for key, _ in self._selector.select(min(left, TICK)):
                if key.fd == self._pidfd:
                    self._selector.unregister(self._pidfd)
                    return True
                self._read(key)
        return False

    def drain(self, seconds: float) -> tuple[str, ...]:
        """Read to the end; return the processes that still have the output open after a while."""
        until = time.monotonic() + seconds
        while self._pipes() and (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(min(left, TICK)):
                self._read(key)
        if not self._pipes():
            return ()
        found = holders({os.fstat(pipe).st_ino for pipe in self._pipes()})
        return tuple(process.label for process in found) or ("a process that cannot be seen",)

    def _pipes(self) -> list[int]:
        return [key.fd for key in self._selector.get_map().values() if key.data]

    def _read(self, key: selectors.SelectorKey) -> None:
        data = os.read(key.fd, 1 << 16)
        if not data:
            self._selector.unregister(key.fileobj)
        kept = self._output[key.data]
        kept += data[: MOST_OUTPUT - len(kept)]
