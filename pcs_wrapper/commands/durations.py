"""Durations on the command line: `90s`, `5m`, `1h`."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_UNITS = {"s": 1, "m": 60, "h": 3600}
# In less time nobody has looked at what is to be confirmed.
_LEAST = 10


def duration(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> timedelta | None:
    """Return what an option's value means; None if it was not given.

    Raises:
        BadParameter: It is no duration, or none that leaves time to do anything.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text)
    if found is None or int(found[1]) * _UNITS[found[2]] < _LEAST:
        raise click.BadParameter(
            f"{text!r} is no duration of at least {_LEAST} s, such as 90s, 5m or 1h"
        )
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
