"""The cluster that a node leaves or joins, and how it is told without that node or with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.pcsd import Machines, Pcsd
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.nodes.running.conftest import shop, told_json, well

__all__ = ["gone", "shop", "told_json", "well"]


def gone(state: str, node: str = "node3") -> str:
    """Return a state in which Pacemaker does not know a node."""
    lines = state.splitlines(keepends=True)
    return "".join(line for line in lines if f'<node name="{node}" id=' not in line)


def killed() -> None:
    """End a command as SIGKILL does: nothing after it is done."""
    raise SystemExit(137)


def joined(state: str, node: str = "node4", number: int = 4) -> str:
    """Return a state in which a node is there, too."""
    lines = state.splitlines(keepends=True)
    at, line = next(
        (at, line) for at, line in enumerate(lines) if '<node name="node3" id="3" online=' in line
    )
    new = line.replace('name="node3" id="3"', f'name="{node}" id="{number}"')
    new = new.replace('is_dc="true"', 'is_dc="false"')
    return "".join([*lines[: at + 1], new, *lines[at + 1 :]])


@pytest.fixture
def machines(tmp_path: Path, shop: Cluster, takeover: Takeover) -> Machines:
    """Return the cluster's nodes, and node4, as their pcsds tell of them."""
    root = tmp_path / "root"
    found = Machines(root, {f"198.51.100.1{number}": Pcsd() for number in (1, 2, 3, 4)})
    for number in (1, 2, 3):
        found.know(f"node{number}", f"198.51.100.1{number}")
    takeover.machine = replace(takeover.machine, root=root, ask=found.ask)
    shop.authenticates = found.know
    return found
