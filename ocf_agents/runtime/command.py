"""Run a program with a time limit that holds, even where the program cannot be killed.

A program that waits for a dead disk ignores SIGKILL, and a daemon that it leaves behind keeps its
output open: neither may hold up the agent. So nobody waits for the end of the output, and a program
that does not die is left behind.
"""

from __future__ import annotations

import os
import select

from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.children.captured import Captured
from ocf_agents.runtime.children.execution import LONGEST, execute, leave_behind
from ocf_agents.runtime.journal import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Enclosure(Protocol):
        """What a program is run in, so that all that it starts ends with it."""

        def enter(self) -> None:
            """Go into it, in the child process, and become whoever runs the program."""

        def end(self, pid: int) -> None:
            """End whatever the program with this number has left behind; 0 if it never ran."""


FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(FOLDERS), "LC_ALL": "C"}
CAUSE = 72  # bytes; of the 120 that Pacemaker keeps of a reason
DETAILS = 4096  # characters of a stream that go to the log, half of them from its end


class Result:
    """A program that has finished.

    Args:
        command: The command.
        code: Its exit code; of a program that was killed, the number of the signal, negative.
        output: Its standard output.
        errors: Its standard error.
        what: What it did, in a few words for a reason.
    """

    def __init__(
        self, command: list[str], code: int, output: str, errors: str, *, what: str
    ) -> None:
        self.command = command
        self.what = what
        self.code = code
        self.output = output
        self.errors = errors

    def error(self, hint: str = "") -> AgentError:
        """Return the error for this failure: what the program wrote, and what failed.

        Args:
            hint: What may help.
        """
        why = cause(self.errors) or cause(self.output) or "no output"
        hint = f"; {hint}" if hint else ""
        return AgentError(
            f"{why} ({self.what} failed with {self.code}{hint})",
            details=(
                f"{' '.join(self.command)} failed with {self.code}: "
                f"{shortened(self.errors)}{shortened(self.output)}"
            ),
        )


def cause(output: str) -> str:
    """Return the line of a program's output that says why it failed, cut to `CAUSE` bytes.

    That is the last one, except for indented lines, which continue the one before. What a terminal
    would act on is shown as its number.
    """
    lines = [line for line in output.splitlines() if line.strip()]
    whole = [line for line in lines if not line[0].isspace()] or lines or [""]
    text = printable(whole[-1].strip()[: 2 * CAUSE]).encode()
    if len(text) > CAUSE:
        text = text[: CAUSE - 3] + b"..."
    return text.decode(errors="ignore")


def shortened(text: str) -> str:
    """Return a text as it goes to the log: of a long one the beginning and the end."""
    half = DETAILS // 2
    return text if len(text) <= DETAILS else f"{text[:half]}\n...\n{text[-half:]}"


def find(program: str) -> str:
    """Return the absolute path of a program.

    Raises:
        AgentError: It is not on this host (ERR_INSTALLED).
    """
    candidates = [program] if "/" in program else [f"{folder}/{program}" for folder in FOLDERS]
    for path in candidates:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise AgentError(
        f"the program {program} is not on this host, or not executable", Code.ERR_INSTALLED
    )


def run(
    command: list[str],
    deadline: Deadline,
    environment: dict[str, str] | None = None,
    *,
    what: str = "",
    enclosure: Enclosure | None = None,
) -> Result:
    """Run a program without a shell and without input, and return its result.

    Args:
        command: The program and its arguments.
        deadline: When it has to be finished.
        environment: Its environment; a bare one if it is None.
        what: What it does, in a few words for a reason; the program's name if empty.
        enclosure: What it is run in; then nothing of it stays, and its arguments, which may be
            secrets, are not logged.

    Raises:
        AgentError: It is missing, is no program, or was not finished at the deadline.
    """
    what = what or os.path.basename(command[0])
    environment = ENVIRONMENT if environment is None else environment
    shown = command[:1] if enclosure else command
    streams = Captured(), Captured()
    output, errors = streams
    pid = 0
    try:
        path = find(command[0])
        descriptors = output.writer, errors.writer
        if enclosure:
            given = [path, *command[1:]]
            pid = execute(given, environment, descriptors, enclosure.enter, deadline)
        else:
            pid = _spawn(path, command, environment, descriptors)
        for stream in streams:
            stream.handed_over()
        code = _wait(pid, deadline, streams)
        if code is None:
            said = shortened(errors.text()) + shortened(output.text())
            raise AgentError(
                f"{what} did not finish in time and was killed",
                details=f"{' '.join(shown)} said: {said}",
            )
        return Result(shown, code, output.text(), errors.text(), what=what)
    finally:
        if enclosure:
            enclosure.end(pid)
        for stream in streams:
            if pid and stream.open and not enclosure:
                _leave_a_reader(stream.reader)
            stream.close()


def _spawn(
    path: str, command: list[str], environment: dict[str, str], output: tuple[int, int]
) -> int:
    """Start a program as whoever runs the agent, and return its number."""
    try:
        return os.posix_spawn(
            path,
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output[0], 1),
                (os.POSIX_SPAWN_DUP2, output[1], 2),
            ],
            setsid=True,
            setsigdef=[signals.PIPE],  # Python ignores it, other programs rely on it
        )
    except OSError as error:
        raise AgentError(
            f"cannot run {command[0]}: {error.strerror}; is its first line right?",
            Code.ERR_INSTALLED,
        ) from error


def _wait(pid: int, deadline: Deadline, streams: tuple[Captured, ...]) -> int | None:
    """Return the exit code, or None when it had to be killed; read what it writes meanwhile."""
    code: int | None = None
    descriptor = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    for stream in streams:
        poll.register(stream.reader, select.POLLIN)
    try:
        while True:
            ready = [each for each, _ in poll.poll(1000 * min(deadline.left(), LONGEST))]
            for stream in streams:
                if stream.reader in ready:
                    stream.read()
                    if not stream.open:
                        poll.unregister(stream.reader)
            if descriptor in ready:
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                break
            if not deadline.left():
                os.killpg(pid, signals.KILL)
                leave_behind(pid)
                break
    finally:
        os.close(descriptor)
    for stream in streams:
        stream.read_rest()
    return code


def _leave_a_reader(descriptor: int) -> None:
    """Have somebody read on what a daemon writes: it may not expect that nobody does any more."""
    os.set_blocking(descriptor, True)
    try:
        os.posix_spawn(
            find("cat"),
            ["cat"],
            ENVIRONMENT,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, descriptor, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
        )
    except (AgentError, OSError):
        return  # then it is told by SIGPIPE
