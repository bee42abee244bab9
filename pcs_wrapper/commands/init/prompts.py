"""Asking somebody at a terminal, on standard error, so that standard output stays a document."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.terminal import printable_line

_WIDTH = 80
_Answer = TypeVar("_Answer")


def ask(text: str, default: str = "", *, none: str = "") -> str:
    """Ask for a line, and return it.

    Args:
        text: The question.
        default: The answer if nothing is typed.
        none: What an empty answer means, if it may be empty; `none` then says the same.

    Raises:
        UsageError: The input has ended.
    """
    shown = f"{default}, or none" if default and none else default or none
    question = printable_line(f"{text} [{shown}]" if shown else text)
    while True:
        answer = str(_prompt(lambda: click.prompt(question, "", show_default=False, err=True)))
        answer = answer.strip() or default
        if none and answer in ("", "none"):
            return ""
        if answer:
            return answer


def agreed(text: str, *, default: bool) -> bool:
    """Ask for a yes or a no.

    Raises:
        UsageError: The input has ended.
    """
    return _prompt(lambda: click.confirm(printable_line(text), default=default, err=True))


def offer(heading: str, entries: Sequence[str]) -> None:
    """Show what can be chosen by its number; nothing if there is nothing to choose."""
    if entries:
        print_line(heading, err=True)
        print_lines((f"  {number}  {each}" for number, each in enumerate(entries, 1)), err=True)


def name_all(heading: str, names: Sequence[str]) -> None:
    """Show names, of which there may be many; nothing if there is none."""
    if names:
        print_line(heading, err=True)
        listed = textwrap.wrap(
            ", ".join(names), _WIDTH, initial_indent="  ", subsequent_indent="  "
        )
        print_lines(listed, err=True)


def chosen(answer: str, entries: Sequence[str]) -> str:
    """Return the entry whose number an answer is, or the answer itself."""
    is_number = answer.isdecimal() and 0 < int(answer) <= len(entries)
    return entries[int(answer) - 1] if is_number else answer


def complain(problem: str) -> None:
    """Say what is wrong with an answer, before it is asked for again."""
    print_text(problem, err=True)


def _prompt(prompt: Callable[[], _Answer]) -> _Answer:
    from pcs_wrapper.errors import UsageError

    try:
        return prompt()
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            raise UsageError(
                "the input has ended before all questions were answered. Nothing was written; "
                "options say the same (takeover init --help), and with --defaults nothing is asked"
            ) from None
        raise
