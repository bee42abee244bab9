"""The test cases that resource-agents has for Filesystem, run against our agent."""

from __future__ import annotations

from pathlib import Path

from tests.rig.on_host.conftest import Node
from tests.rig.on_host.ocft import run_ocft

# By name, with what our agent does instead; docs/ocft.md says why.
DIFFERENT = {"check base env: invalid 'OCF_RESKEY_device'": "OCF_ERR_GENERIC"}


def test_the_stock_agents_own_cases(node: Node, tmp_path: Path) -> None:
    """Each case passes, but for those of which docs/ocft.md says why ours is right."""
    (tmp_path / "ocft").mkdir()
    agent = node.agent("filesystem")
    cases = run_ocft(node, "Filesystem", agent=agent, replace={}, folder=tmp_path / "ocft")
    assert len(cases) == 14
    failed = {case.name: case.output for case in cases if not case.passed}
    assert set(failed) == set(DIFFERENT), failed
    assert all(DIFFERENT[name] in output for name, output in failed.items()), failed
