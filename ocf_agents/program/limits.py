"""Limits on what an application may use of the kernel's resources (setrlimit(2))."""

from __future__ import annotations

import resource

from ocf_agents.runtime.agent import AgentError, Code

UNLIMITED = ("unlimited", "infinity")  # of a shell's ulimit, and of systemd

DIGITS = 19  # of the highest limit

Limit = tuple[int, tuple[int, int]]  # the resource, its soft and its hard limit


def parse(name: str, text: str) -> list[Limit]:
    """Return the limits that a text asks for.

    Args:
        name: The parameter that has the text.
        text: Such as "nofile=65536 nproc=4096:8192".

    Raises:
        AgentError: Limits are wrong (ERR_CONFIGURED); the reason has every mistake.
    """
    found, mistakes = [], []
    for word in text.split():
        key, _, value = word.partition("=")
        soft, _, hard = value.partition(":")
        number = getattr(resource, f"RLIMIT_{key.upper()}", None) if key.islower() else None
        limits = _value(soft), _value(hard or soft)
        if number is None:
            mistakes.append(f"{word}: the limits are {', '.join(_names())}")
        elif limits[0] is None or limits[1] is None or not _in_order(limits[0], limits[1]):
            mistakes.append(f"{word}: a limit is a number or unlimited, or two of them: SOFT:HARD")
        else:
            found.append((number, (limits[0], limits[1])))
    if mistakes:
        raise AgentError(f"{name}={'; '.join(mistakes)}", Code.ERR_CONFIGURED)
    return found


def apply(limits: list[Limit]) -> None:
    """Limit this process.

    Raises:
        OSError: It may not have a limit as high.
        ValueError: As OSError.
    """
    for number, values in limits:
        resource.setrlimit(number, values)


def _value(text: str) -> int | None:
    if text in UNLIMITED:
        return resource.RLIM_INFINITY
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        return None
    return number if (number := int(text)) < 1 << 63 else None


def _in_order(soft: int, hard: int) -> bool:
    return hard == resource.RLIM_INFINITY or (soft != resource.RLIM_INFINITY and soft <= hard)


def _names() -> list[str]:
    names = (name for name in dir(resource) if name.startswith("RLIMIT_"))
    return sorted(name.removeprefix("RLIMIT_").lower() for name in names)
