"""`takeover service`: the commands about one service."""

from __future__ import annotations

import click

from pcs_wrapper.commands.lazy import LazyGroup

_ROOM = "pcs_wrapper.commands.service"


@click.command(
    cls=LazyGroup,
    lazy={
        "prepare": (
            f"{_ROOM}.prepare:prepare",
            "Make the filesystem of a new service, and its first data.",
        ),
        "move": (f"{_ROOM}.move:move", "Move a service to another node."),
        "stop": (f"{_ROOM}.stop:stop", "Stop a service, or a part of it."),
        "start": (f"{_ROOM}.start:start", "Start a service, also after it has failed."),
        "restart": (f"{_ROOM}.restart:restart", "Restart a service, or a part of it."),
        "pin": (f"{_ROOM}.pin:pin", "Keep a service on a node."),
        "ban": (f"{_ROOM}.ban:ban", "Keep a service off a node."),
        "unpin": (f"{_ROOM}.unpin:unpin", "End pins and bans of a service."),
        "rename": (f"{_ROOM}.rename:rename", "Give a service another name."),
        "maintenance": (f"{_ROOM}.maintenance:maintenance", "Leave a service alone for a while."),
    },
)
def service() -> None:
    """Prepare, move, stop, start, restart or rename a service, keep it on a node, or leave it be.

    Each command about a service that runs says beforehand what the cluster is going to do, and for
    how long clients are not served; it refuses what would stop or move other services, unless you
    agree with --yes. It waits until the cluster has settled, and says what became of the service.
    With --dry-run nothing is changed, and the steps are shown.

    \b
    Examples:
      takeover service prepare shop cluster.toml
      takeover service move shop node2
      takeover service restart shop --part app
      takeover service stop shop -m "new schema"
    """  # noqa: D301 - \b is click's
