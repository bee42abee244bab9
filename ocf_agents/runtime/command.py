"""Run a program with a time limit that holds, even where the program cannot be killed.

A program that waits for a dead disk ignores SIGKILL, and a daemon that it leaves behind keeps its
output open: neither may hold up the agent. So the output goes to memory files instead of pipes,
and a program that does not die is left behind.
"""

from __future__ import annotations

import os
import select

from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Code, Deadline

FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(FOLDERS), "LC_ALL": "C"}
CAUSE = 72  # bytes; of the 120 that Pacemaker keeps of a reason


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
            details=f"{' '.join(self.command)} failed with {self.code}: {self.errors}{self.output}",
        )


def cause(output: str) -> str:
    """Return the line of a program's output that says why it failed, cut to `CAUSE` bytes.

    That is the last one, except for indented lines, which continue the one before.
    """
    lines = [line for line in output.splitlines() if line.strip()]
    whole = [line for line in lines if not line[0].isspace()] or lines or [""]
    text = whole[-1].strip().encode(errors="replace")
    if len(text) > CAUSE:
        text = text[: CAUSE - 3] + b"..."
    return text.decode(errors="ignore")


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
) -> Result:
    """Run a program without a shell and without input, and return its result.

    Args:
        command: The program and its arguments.
        deadline: When it has to be finished.
        environment: Its environment; a bare one if it is None.
        what: What it does, in a few words for a reason; the program's name if empty.

    Raises:
        AgentError: It is missing, is no program, or was not finished at the deadline.
    """
    path = find(command[0])
    what = what or os.path.basename(path)
    output = os.memfd_create("stdout")
    errors = os.memfd_create("stderr")
    try:
        try:
            pid = os.posix_spawn(
                path,
                command,
                ENVIRONMENT if environment is None else environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, errors, 2),
                ],
                setsid=True,
                setsigdef=[signals.PIPE],  # Python ignores it, other programs rely on it
            )
        except OSError as error:
            raise AgentError(
                f"cannot run {command[0]}: {error.strerror}; is its first line right?",
                Code.ERR_INSTALLED,
            ) from error
        code = _wait(pid, deadline)
        if code is None:
            raise AgentError(
                f"{what} did not finish in time and was killed",
                details=f"{' '.join(command)} said: {_text(errors)}{_text(output)}",
            )
        return Result(command, code, _text(output), _text(errors), what=what)
    finally:
        os.close(output)
        os.close(errors)


def _wait(pid: int, deadline: Deadline) -> int | None:
    """Return the exit code, or None when it had to be killed."""
    descriptor = os.pidfd_open(pid)
    try:
        if select.select([descriptor], [], [], deadline.left())[0]:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.killpg(pid, signals.KILL)
        if select.select([descriptor], [], [], 0.1)[0]:
            os.waitpid(pid, 0)
        return None
    finally:
        os.close(descriptor)


def _text(descriptor: int) -> str:
    """Return the first 64 KiB that were written to a memory file."""
    return os.pread(descriptor, 65536, 0).decode(errors="replace")
