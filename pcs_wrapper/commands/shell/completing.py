"""Completing the names that an argument takes, for whoever types a command."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pcs_wrapper.pacemaker.names import Names

#: The variable by which a shell asks for words instead of running a command.
VARIABLE = "_TAKEOVER_COMPLETE"


def is_asked() -> bool:
    """Return whether a shell asks for the words that may come next."""
    return VARIABLE in os.environ


def nodes(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the cluster's nodes that the word may become."""
    return _beginning(begun, _names(ctx).nodes)


def services(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the cluster's services that the word may become."""
    return _beginning(begun, _names(ctx).services)


def parts(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the parts that the word may become, of the service that stands before it."""
    known = _names(ctx).services
    # As long as the option has no value, click has not told the arguments apart.
    words = (str(ctx.params.get("service")), *ctx.args)
    service = next((word for word in words if word in known), "")
    ids = known.get(service, ())
    return _beginning(begun, (each.removeprefix(f"{service}-") for each in ids))


def outputs(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the JSON outputs that the word may become."""
    from pcs_wrapper.views.contract.outputs import OUTPUTS

    return _beginning(begun, OUTPUTS)


def _names(ctx: click.Context) -> Names:
    from pcs_wrapper.machine.machine import Machine
    from pcs_wrapper.pacemaker.names import read_names

    return read_names(ctx.obj if isinstance(ctx.obj, Machine) else Machine())


def _beginning(begun: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(begun)]
