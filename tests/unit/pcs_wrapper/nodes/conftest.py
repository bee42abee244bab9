"""A cluster of which one node is to be paused, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import told

_SIMULATED = Path(__file__).parents[1] / "crm_simulate"


def simulated(name: str) -> str:
    """Return what the scheduler of Pacemaker 2.1 says, by the name of its fixture."""
    return (_SIMULATED / f"{name}-2.1.xml").read_text()


def on(node: str, *, standby: str = "") -> str:
    """Return the state in which the service runs on a node, and another may be in standby."""
    text = told("running")
    head, nodes, rest = text.partition("<resources>")
    number = node.removeprefix("node")
    moved = rest.replace(
        '        <node name="node1" id="1" cached="true"/>',
        f'        <node name="{node}" id="{number}" cached="true"/>',
    )
    if standby:
        head = node_is(head, standby, standby='"true"')
    return head + nodes + moved


def node_is(state: str, node: str, **attributes: str) -> str:
    """Return a state in which a node is otherwise; values are given with their quotes."""
    lines = []
    for line in state.splitlines(keepends=True):
        changed = line
        if f'<node name="{node}" id=' in line and "online=" in line:
            for name, value in attributes.items():
                before, mark, after = changed.partition(f' {name}="')
                changed = (
                    f"{before} {name}={value}{after.partition(chr(34))[2]}" if mark else changed
                )
        lines.append(changed)
    return "".join(lines)


@pytest.fixture
def shop(cluster: Cluster, live: str) -> Cluster:
    """Return a cluster whose service runs on node1, and would move to node2."""
    cluster.state, cluster.cib = on("node1"), live
    cluster.scheduled = (simulated("nothing"), simulated("moved"))
    return cluster
