"""Reading the password of the user hacluster: from a prompt, a file, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pcs_wrapper.errors import UsageError
from pcs_wrapper.machine.files import read_private

# Its size in bytes; nobody has a longer one.
_LONGEST = 64 * 1024


def password(file: Path | None) -> str:
    """Return the password of the user hacluster.

    Args:
        file: A file that only its owner can read. If it is None, the user is asked on the terminal;
            if there is no terminal, the first line of standard input is used.

    Raises:
        UsageError: There is no password, or others can read the file.
    """
    if file is not None:
        lines = _private_text(file).splitlines()
    elif sys.stdin.isatty():
        lines = [_asked()]
    else:
        lines = _first_line().splitlines()
    if not lines or not lines[0]:
        source = file or "standard input"
        raise UsageError(f"{source}: no password of the user hacluster on the first line")
    return lines[0]


def _asked() -> str:
    """Ask for the password on the terminal."""
    try:
        return str(click.prompt("Password of the user hacluster", hide_input=True, err=True))
    except click.Abort:
        # Whoever runs the steps says what was changed before.
        raise KeyboardInterrupt from None


def _first_line() -> str:
    """Return the first line of standard input."""
    try:
        line = sys.stdin.readline(_LONGEST)
        # In some locales, Python takes what is not UTF-8 for lone surrogates.
        line.encode()
    except UnicodeError:
        raise UsageError("standard input: is not UTF-8 text") from None
    return line


def _private_text(file: Path) -> str:
    try:
        return read_private(file, _LONGEST).decode()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: is not UTF-8 text") from None
