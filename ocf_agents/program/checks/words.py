"""Command lines that are run without a shell: their words, and what only a shell could do."""

from __future__ import annotations

from ocf_agents.runtime.agent import AgentError, Code

QUOTING = "'\"\\"
OPERATORS, EXPANDED, QUOTES = "();<>|&", "$`", "'\""  # of a shell


def split(name: str, text: str) -> list[str]:
    """Return the words of a command line, by a shell's rules for quotes but without a shell.

    Args:
        name: The parameter that has the command line.
        text: The command line.

    Raises:
        AgentError: A quote is not closed (ERR_CONFIGURED).
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

    Args:
        name: The parameter that has the command line.
        text: The command line.

    Raises:
        AgentError: It needs a shell, or a quote is not closed (ERR_CONFIGURED).
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
