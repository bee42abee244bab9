"""The test cases of resource-agents for IPaddr2, with our agent in its place (docs/ocft.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig.on_host.conftest import Node
from tests.rig.on_host.ocft import run_ocft

# What the configurations use are somebody's networks; these are for documentation (RFC 5737).
ADDRESSES = {
    "192.168.144.": "198.51.100.",
    "192.168.120.1": "203.0.113.1",
    "192.168.255.255": "198.51.255.255",
}

# docs/ocft.md says for each why our agent is right.
DIFFERENT = {
    "IPaddr2": {8},
    "IPaddr2v4": {10},
    "IPaddr2v6": {13, 14},
}


@pytest.mark.parametrize("config", DIFFERENT)
def test_our_agent_passes_the_cases_of_the_stock_agent(
    node: Node, config: str, tmp_path: Path
) -> None:
    """All cases pass but those for which the documentation says why ours is right."""
    for number in (0, 1):
        node.run(*f"ip link add eth{number} type veth peer name cable{number}".split())
        for name in (f"eth{number}", f"cable{number}"):
            node.run("ip", "link", "set", name, "up")
    (tmp_path / "ocft").mkdir()
    cases = run_ocft(
        node, config, agent=node.agent("ip"), replace=ADDRESSES, folder=tmp_path / "ocft"
    )
    failed = {case.number: case for case in cases if not case.passed}
    assert len(cases) >= 20
    assert failed.keys() == DIFFERENT[config], failed
