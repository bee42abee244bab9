"""Whether what was said so far can be described, although not all was said yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cib_templates.errors import DescriptionError, TakeoverError
from pcs_wrapper.beginning.finding.found import Found
from pcs_wrapper.beginning.given import Given
from pcs_wrapper.beginning.proposing import propose
from pcs_wrapper.beginning.writing import draft
from pcs_wrapper.machine.machine import Machine

# An agent that nobody has, so that nothing is known to be needed for it.
_ANY_AGENT = "fence_any"


def problem(machine: Machine, found: Found, given: Given, *, with_fencing: bool) -> str:
    """Return what is wrong with what was said so far; empty if nothing is.

    Args:
        machine: This machine.
        found: What it has.
        given: What was said so far.
        with_fencing: Whether fencing is a part of it already.
    """
    if not with_fencing:
        given = replace(given, fencing=(_ANY_AGENT,), plugs=None, sbd=None, watchdog=None)
    try:
        draft(propose(machine, found, given), found, Path("cluster.toml"), machine.now().date())
    except DescriptionError as error:
        return "\n".join(f"{each.key}: {each.sentence}" for each in error.findings)
    except TakeoverError as error:
        return str(error)
    return ""
