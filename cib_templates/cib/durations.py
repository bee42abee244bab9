"""Durations, as descriptions and CIBs have them."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"ms": 0.001, "s": 1, "min": 60, "m": 60, "h": 3600}
# No more digits than timedelta can take in hours.
DURATION = re.compile(r"([0-9]{1,9})(ms|s|min|m|h)")


def duration(value: object) -> timedelta:
    """Read a duration such as `500ms`, `10s`, `2min` or `1h`.

    Raises:
        ValueError: Not a duration with a unit.
    """
    if isinstance(value, timedelta):
        return value
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a duration with a unit (ms, s, min, h)")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


# "60" and "60s" are the same to Pacemaker; it takes more units than descriptions do.
_PACEMAKER_UNITS = {"": 1.0, "sec": 1.0, "msec": 0.001, "us": 1e-6, "usec": 1e-6, "hr": 3600.0}
_PACEMAKER_TIME = re.compile(r"\s*([0-9]{1,9})\s*([a-z]*)\s*", re.IGNORECASE)


def pacemaker_time(value: str) -> timedelta | None:
    """Read a time as Pacemaker does, such as `60` or `1min`; None if it is none."""
    found = _PACEMAKER_TIME.fullmatch(value)
    unit = (_UNITS | _PACEMAKER_UNITS).get(found[2].lower()) if found else None
    return None if found is None or unit is None else timedelta(seconds=int(found[1]) * unit)


def in_words(value: timedelta) -> str:
    """Write a duration as a description has it: `10s`, or `1500ms` where seconds are not whole."""
    milliseconds = value // timedelta(milliseconds=1)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def seconds(duration: timedelta) -> str:
    """Return a duration as the CIB has it: whole seconds, with the unit."""
    return f"{duration // timedelta(seconds=1)}s"
