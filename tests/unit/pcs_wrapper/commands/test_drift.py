"""`takeover drift` of the cluster that runs here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pcs_wrapper.cli import run
from pcs_wrapper.machine.machine import Machine
from tests.unit.fakes.cluster import Cluster

HERE = Path(__file__).parents[1]
DESCRIPTION = HERE / "live_cib" / "shop.toml"


@pytest.fixture
def machine() -> Machine:
    """Return a node of a cluster that is as it is described."""
    cluster = Cluster(cib=(HERE / "live_cib" / "2.1.xml").read_text())
    cluster.state = "running"
    return Machine(runner=cluster, is_root=True)


def test_a_cluster_that_is_as_described(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """The live cluster is asked, and nothing is told that is not so."""
    assert run(["drift", str(DESCRIPTION)], machine) == 0
    assert capsys.readouterr().out.splitlines()[0] == "everything is as described"


def test_it_needs_root(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever is not root cannot read the configuration, and is told so before anything is run."""
    assert run(["drift", str(DESCRIPTION)], replace(machine, is_root=False)) == 1
    assert "needs root" in capsys.readouterr().err
