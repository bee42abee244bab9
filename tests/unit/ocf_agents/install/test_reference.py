"""The reference pages in docs and the meta-data say what the agents declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocf_agents.app import App
from ocf_agents.filesystem import Filesystem
from ocf_agents.install.launchers import META_DATA
from ocf_agents.install.metadata import metadata
from ocf_agents.install.reference import reference
from ocf_agents.ip import Ip
from ocf_agents.runtime.agent import Agent

DOCS = Path(__file__).parents[4] / "docs" / "reference"


@pytest.mark.parametrize("agent", [App, Filesystem, Ip])
def test_the_page_is_up_to_date(agent: type[Agent]) -> None:
    """Whoever changes a declaration runs script/reference."""
    assert (DOCS / f"{agent.name}.md").read_text() == reference(agent)
    assert (META_DATA / f"{agent.name}.xml").read_text() == metadata(agent)


@pytest.mark.parametrize("agent", [App, Filesystem, Ip])
def test_every_parameter_has_one_row(agent: type[Agent]) -> None:
    """A vertical bar in a description does not break the table."""
    rows = [line for line in reference(agent).splitlines() if line.startswith("| `")]
    assert len(rows) == len(agent.parameters())
    assert all(row.replace("\\|", "").count("|") == 4 for row in rows)
