"""The cluster that a node leaves, and how it is told without that node."""

from __future__ import annotations

from tests.unit.pcs_wrapper.nodes.running.conftest import shop, told_json, well

__all__ = ["gone", "shop", "told_json", "well"]


def gone(state: str, node: str = "node3") -> str:
    """Return a state in which Pacemaker does not know a node."""
    lines = state.splitlines(keepends=True)
    return "".join(line for line in lines if f'<node name="{node}" id=' not in line)
