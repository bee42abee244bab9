"""Checks whether an application serves: by its port, by HTTP, or by a program's verdict."""

from __future__ import annotations

import os

from ocf_agents.runtime.agent import AgentError, Code, Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ocf_agents.program.account import Account

    class Check(Protocol):
        """Something that passes or does not."""

        poll: float  # seconds between two attempts while an application starts

        def problem(self, deadline: Deadline) -> AgentError | None:
            """Return why it does not pass, None if it does.

            The code is DEGRADED if the application serves, but less well.
            """


FORMS = "tcp:HOST:PORT, http://HOST:PORT/PATH, https://HOST:PORT/PATH or command:/PROGRAM ARGUMENTS"
QUOTING = "'\"\\"
OPERATORS, EXPANDED, QUOTES = "();<>|&", "$`", "'\""  # of a shell
ATTEMPT = 2.0  # seconds; a port that accepts no connection by then does not serve
MOST = 1 << 16  # port numbers


class TcpCheck:
    """Passes when a port accepts a connection."""

    poll = 0.01

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def problem(self, deadline: Deadline) -> AgentError | None:
        """Return why it does not pass, None if it does."""
        from ocf_agents.program.http_check import connect
        from ocf_agents.runtime.bounded import bounded

        limit = Deadline(min(ATTEMPT, deadline.left()))

        def attempt() -> str:
            connect(self._host, self._port, limit).close()
            return ""

        try:
            bounded(attempt, limit, f"connecting to port {self._port} of {self._host}")
        except AgentError as error:
            return error
        return None


class CommandCheck:
    """Passes when a program exits with 0; 190 says that the application serves, but less well.

    Parameters: the program with its arguments; who runs it; its environment, the user's if absent.
    """

    poll = 0.02

    def __init__(
        self, words: list[str], account: Account, environment: dict[str, str] | None = None
    ) -> None:
        self._words = words
        self._account = account
        self._environment = environment

    def problem(self, deadline: Deadline) -> AgentError | None:
        """Return why it does not pass, None if it does."""
        from ocf_agents.runtime.command import cause, run

        what = os.path.basename(self._words[0])
        try:
            command = [*self._account.become(), *self._words]
            environment = self._environment
            if environment is None:
                environment = self._account.environment()
            result = run(command, deadline, environment, what=what)
        except AgentError as error:
            return error
        if result.code == Code.DEGRADED:
            said = cause(result.errors) or cause(result.output) or f"{what} says so"
            return AgentError(said, Code.DEGRADED)
        return result.error() if result.code else None


def make(name: str, text: str, account: Account) -> Check:
    """Return the check that a parameter asks for, without a look at this host.

    Parameters: the parameter's name and value; who runs a check's program. Raises AgentError
    (ERR_CONFIGURED) if the value is no check.
    """
    kind, _, rest = text.partition(":")
    if kind == "tcp" and (where := host_and_port(rest)) and where[1]:
        return TcpCheck(*where)
    if kind == "command" and (words := split(name, rest)) and os.path.isabs(words[0]):
        return CommandCheck(words, account)
    if kind in ("http", "https"):
        from ocf_agents.program.http_check import http_check

        return http_check(name, split(name, text))
    raise AgentError(f"{name}={text} is none of {FORMS}", Code.ERR_CONFIGURED)


def host_and_port(text: str) -> tuple[str, int] | None:
    """Return the host and the port (0 if there is none) of HOST:PORT; None if it is neither.

    An IPv6 address is in brackets.
    """
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, "0"
    elif not (port.isascii() and port.isdigit() and 0 < int(port) < MOST):
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        return (host, int(port)) if ":" in host else None
    return (host, int(port)) if host and ":" not in host else None


def split(name: str, text: str) -> list[str]:
    """Return the words of a command line, by a shell's rules for quotes but without a shell.

    Raises AgentError (ERR_CONFIGURED) naming the parameter if a quote is not closed.
    """
    if text.isascii() and text.isprintable() and not any(c in text for c in QUOTING):
        return text.split()  # at once: shlex takes as long to load as Python itself
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise AgentError(f"{name}={text}: {error}", Code.ERR_CONFIGURED) from error


def split_hook(name: str, text: str) -> list[str]:
    """Return the words of a command line that was written for a shell, if it needs none.

    Raises AgentError (ERR_CONFIGURED) naming the parameter, and the cure, if it does.
    """
    words = split(name, text)
    if _needs_shell(text):
        raise AgentError(
            f"{name}={text} needs a shell, and gets none: put it into a script", Code.ERR_CONFIGURED
        )
    return words


def _needs_shell(text: str) -> bool:
    """Tell whether there is an operator outside of quotes, or what a shell would expand."""
    quote = ""
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif (character in EXPANDED and quote != "'") or (character in OPERATORS and not quote):
            return True
        elif character == quote:
            quote = ""
        elif character in QUOTES and not quote:
            quote = character
    return False
