"""The question before a command does what cannot be undone."""

from __future__ import annotations

import click


def agreed(question: str) -> bool:
    """Ask whether to go on; no answer, as at the end of the input, is no.

    Args:
        question: The question.
    """
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            return False
        raise


def typed(question: str, name: str) -> bool:
    """Ask for a name, and return whether it was typed; no answer is no.

    Args:
        question: The question.
        name: The name.
    """
    try:
        answer = click.prompt(question, default="", show_default=False, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            return False
        raise
    return str(answer).strip() == name
