"""Which parameters hold a secret: a CIB shows it to every node and in every report."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"passw|passphrase|secret|token|(api|private)_?key|(\A|_)pass\Z", re.IGNORECASE
)
_NOT_ITSELF_SECRET = re.compile(r"_(script|file|path)\Z", re.IGNORECASE)


def is_secret(key: str) -> bool:
    """Return whether a parameter of this name is a secret itself, not where one is."""
    return bool(_SECRET.search(key)) and not _NOT_ITSELF_SECRET.search(key)
