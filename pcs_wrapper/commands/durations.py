"""Durations on the command line: `90s`, `5m`, `1h`."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_UNITS = {"s": 1, "m": 60, "h": 3600}
# Nobody can look at a change and confirm it in less time, in seconds.
_LEAST = 10


def duration(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> timedelta | None:
    """Return the duration that an option's value stands for; None if the option was not given.

    Raises:
        BadParameter: The value is not a duration, or it is too short.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text)
    if found is None or int(found[1]) * _UNITS[found[2]] < _LEAST:
        raise click.BadParameter(
            f"{text!r} is not a duration of at least {_LEAST} s, such as 90s, 5m or 1h"
        )
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
