"""Reading the password of the user hacluster: from a prompt, a file, or standard input."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import click

from pcs_wrapper.errors import UsageError


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
        lines = [click.prompt("Password of the user hacluster", hide_input=True, err=True)]
    else:
        lines = sys.stdin.readline().splitlines()
    if not lines or not lines[0]:
        source = file or "standard input"
        raise UsageError(f"{source}: no password of the user hacluster on the first line")
    return lines[0]


def _private_text(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        if stat.S_ISREG(mode) and mode & 0o077:
            raise UsageError(f"{file}: not only its owner can read it; run: chmod 600 {file}")
        return file.read_text()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: is not UTF-8 text") from None
