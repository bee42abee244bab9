"""Durations and times on the command line: `90s`, `5m`, `1h`, `2026-11-30 03:00`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click

_UNITS = {"s": 1, "m": 60, "h": 3600}
_AGO = _UNITS | {"d": 86_400}
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


since_option = click.option(
    "--since",
    metavar="WHEN",
    help="Show only what is newer: an age such as 30m, 2h or 7d, or a time of this machine such as "
    '"2026-11-30 03:00".',
)


def since_when(text: str | None, now: datetime) -> datetime | None:
    """Return the time that the option --since stands for; None if it was not given.

    Args:
        text: The option's value.
        now: The time of day.

    Raises:
        BadParameter: The value is no age and no time.
    """
    if text is None:
        return None
    if found := re.fullmatch(r"([0-9]{1,6})([smhd])", text):
        return now - timedelta(seconds=int(found[1]) * _AGO[found[2]])
    try:
        # Without an offset, it is this machine's time.
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is no age such as 30m, 2h or 7d, and no time such as 2026-11-30 03:00",
            param_hint="--since",
        ) from None
