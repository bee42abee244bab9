"""Numbers as a CIB has them; a program or an administrator may have written something else."""

from __future__ import annotations

import re

# More digits than any number of a CIB has, and fewer than Python refuses to read.
_NUMBER = re.compile(r"[0-9]{1,18}")


def whole_number(text: str | None) -> int | None:
    """Return the whole number that a text is; None if it is none."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
