"""Ways to break a rig that are undone when their `with` block ends, whatever has happened in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from vagrant.common.networks import CLUSTER_LINKS, Link
from vagrant.rig import Rig


@contextmanager
def broken_fencing(rig: Rig, *nodes: str) -> Iterator[None]:
    """Have the power switches of nodes refuse their fence agent."""
    with ExitStack() as undo:
        for node in nodes:
            undo.callback(partial(rig.set_fencing, node, works=True))
            rig.set_fencing(node, works=False)
        yield


@contextmanager
def cut_off(rig: Rig, node: str, links: Sequence[Link] = CLUSTER_LINKS) -> Iterator[None]:
    """Pull a node's network cables; afterwards all of them are plugged in."""
    with ExitStack() as undo:
        undo.callback(rig.heal, node)
        rig.cut(node, links)
        yield


@contextmanager
def powered_off(rig: Rig, *nodes: str) -> Iterator[None]:
    """Switch the power of nodes off; afterwards they boot, and are not waited for."""
    with ExitStack() as undo:
        for node in nodes:
            undo.callback(rig.power, node, "on")
            rig.power(node, "off")
        yield
