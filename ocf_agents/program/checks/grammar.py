"""How the parameters `ready` and `health` write a check."""

from __future__ import annotations

import os

from ocf_agents.runtime.agent import AgentError, Code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocf_agents.program.checks.check import Check

FORMS = "tcp:HOST:PORT, http://HOST:PORT/PATH, https://HOST:PORT/PATH or command:/PROGRAM ARGUMENTS"


def parse_check(name: str, text: str, of_command: Callable[[list[str]], Check]) -> Check:
    """Return the check that a parameter asks for, without a look at this host.

    Args:
        name: The parameter.
        text: Its value.
        of_command: Makes the check that a command's words ask for.

    Raises:
        AgentError: The value is no check (ERR_CONFIGURED).
    """
    kind, _, rest = text.partition(":")
    if kind == "tcp":
        from ocf_agents.program.checks.tcp import TcpCheck, host_and_port

        if (where := host_and_port(rest)) and where[1]:
            return TcpCheck(*where)
    from ocf_agents.program.checks.words import split

    if kind == "command" and (words := split(name, rest)) and os.path.isabs(words[0]):
        return of_command(words)
    if kind in ("http", "https"):
        from ocf_agents.program.checks.http import http_check

        return http_check(name, split(name, text))
    shown = kind if "@" in text else text  # what precedes it may be a password
    raise AgentError(f"{name}={shown} is none of {FORMS}", Code.ERR_CONFIGURED)
