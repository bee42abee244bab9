"""Asking whether to do what cannot easily be taken back."""

from __future__ import annotations

import click


def agreed(question: str) -> bool:
    """Ask a question; no answer, as at the end of the input, is no.

    Raises:
        click.Abort: Somebody has interrupted the question.
    """
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            return False
        raise
