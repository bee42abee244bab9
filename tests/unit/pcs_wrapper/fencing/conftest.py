"""A cluster whose nodes are fenced by one device, which is in its CIB and in its state."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import told
from tests.unit.pcs_wrapper.conftest import Takeover


def state(fixture: str = "running") -> str:
    """Return what crm_mon tells in a state, with the device of the live CIB."""
    text = told(fixture).replace("fence-power", "fence-rig")
    return text.replace("stonith:fence_apc", "stonith:fence_takeover_rig")


def away(node: str = "node3", fixture: str = "running") -> str:
    """Return what crm_mon tells when a node is off that need not be fenced."""
    number = node.removeprefix("node")
    return state(fixture).replace(
        f'<node name="{node}" id="{number}" online="true"',
        f'<node name="{node}" id="{number}" online="false"',
    )


def lost(node: str = "node3") -> str:
    """Return what crm_mon tells when a node is off that must be fenced, and cannot be."""
    head, found, rest = away(node).partition(f'<node name="{node}"')
    return head + found + rest.replace('unclean="false"', 'unclean="true"', 1)


def with_history(text: str, *events: str) -> str:
    """Return what crm_mon tells, with these attempts to fence, the newest first."""
    joined = "".join(f"<fence_event {event}/>" for event in events)
    return text.replace("<status ", f"<fence_history>{joined}</fence_history><status ")


@pytest.fixture
def fenced(cluster: Cluster, live: str) -> Cluster:
    """Return a cluster in which all is well."""
    cluster.cib, cluster.state = live, state()
    return cluster


@pytest.fixture
def told_json(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command with --json and returns its exit code and output."""

    def run(*arguments: str) -> tuple[int, Any]:
        code = takeover(*arguments, "--json")
        return code, json.loads(capsys.readouterr().out)

    return run
