"""The one way in which commands print: nothing reaches a terminal that it would obey."""

from __future__ import annotations

from collections.abc import Iterable

import click

from pcs_wrapper.machine.terminal import printable, printable_line


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines, each as one, even if a name or reason in it has a newline.

    Args:
        lines: The lines.
        err: Whether to print on standard error.
    """
    for line in lines:
        click.echo(printable_line(line), err=err)


def print_line(line: str, *, err: bool = False) -> None:
    """Print a line.

    Args:
        line: The line.
        err: Whether to print on standard error.
    """
    print_lines([line], err=err)


def print_text(text: str, *, err: bool = False) -> None:
    """Print a text of several lines, such as a message or a document.

    Args:
        text: The text; its end is a newline, or gets one.
        err: Whether to print on standard error.
    """
    click.echo(printable(text), nl=not text.endswith("\n"), err=err)
