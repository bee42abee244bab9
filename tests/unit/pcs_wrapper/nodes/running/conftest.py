"""A cluster of three nodes that is well, and what becomes of it when nodes leave and come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.nodes.conftest import node_is, on, simulated
from tests.unit.pcs_wrapper.views.printed import VOTES


def well(node: str = "node1", *, standby: str = "") -> str:
    """Return the state in which the service runs on a node, and all is well."""
    text = on(node, standby=standby).replace("fence-power", "fence-rig")
    return text.replace("stonith:fence_apc", "stonith:fence_takeover_rig")


def without(state: str, *nodes: str) -> str:
    """Return a state in which nodes are not there."""
    for node in nodes:
        state = node_is(state, node, online='"false"')
    return state


@pytest.fixture
def shop(cluster: Cluster, takeover: Takeover, live: str) -> Cluster:
    """Return a cluster whose service runs on node1, and would move to node2."""
    takeover.machine.corosync_conf.write_text("totem {\n    cluster_uuid: 0123\n}\n")
    cluster.programs.add("corosync-quorumtool")
    cluster.state, cluster.cib, cluster.votes = well(), live, VOTES
    cluster.scheduled = (simulated("nothing"), simulated("moved"))
    return cluster


@pytest.fixture
def told_json(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command with --json and returns its exit code and output."""

    def run(*arguments: str) -> tuple[int, Any]:
        code = takeover(*arguments, "--json")
        return code, json.loads(capsys.readouterr().out)

    return run
