"""`takeover fence list` on a cluster with SBD: its disks are the same on every node."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover

DISK = "/dev/disk/by-id/sbd1"
NODES = ["node1", "node2", "node3"]


@pytest.fixture
def takeover(takeover: Takeover, tmp_path: Path) -> Takeover:
    """Return the command line on a node whose SBD has a disk."""
    settings = tmp_path / "root/etc/default/sbd"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"SBD_DEVICE={DISK}\nSBD_WATCHDOG_TIMEOUT=5\n")
    takeover.machine = replace(takeover.machine, root=tmp_path / "root")
    return takeover


@pytest.fixture
def with_sbd(fenced: Cluster) -> Cluster:
    """Return a cluster in which all is well."""
    fenced.programs.add("sbd")
    fenced.enabled.add("sbd")
    fenced.slots = {DISK: NODES}
    return fenced


def test_a_disk_with_all_nodes_is_well(with_sbd: Cluster, takeover: Takeover) -> None:
    """Without SBD nobody asks it."""
    assert takeover("fence", "list") == 0
    with_sbd.enabled.clear()
    with_sbd.slots = {}
    assert takeover("fence", "list") == 0


def test_a_node_that_has_another_disk_is_named(with_sbd: Cluster, told_json: Any) -> None:
    """crmsh#2117, crmsh#2135: a disk is the same on every node, or SBD does not fence there."""
    with_sbd.slots = {DISK: NODES[:2]}
    code, found = told_json("fence", "list")
    assert code == 1
    [finding] = found["findings"]
    assert finding["code"] == "sbd-disk-without-node"
    assert finding["message"].startswith(f"node3 has no slot on SBD's disk {DISK}")
    assert finding["hint"].endswith("when it has this disk: takeover cluster restart node3")


def test_one_command_checks_sbd_and_says_what_mends_it(
    with_sbd: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that is gone (crmsh PR#1932), and times that are not the header's (PAF#173)."""
    with_sbd.slots = {}
    assert takeover("fence", "list") == 1
    out = capsys.readouterr().out
    assert f"SBD's disk {DISK} cannot be read on node1" in out
    assert "unreadable!" in out
    with_sbd.slots = {DISK: NODES}
    settings = takeover.machine.root / "etc/default/sbd"
    settings.write_text(settings.read_text().replace("TIMEOUT=5", "TIMEOUT=30"))
    assert takeover("fence", "list") == 0
    out = capsys.readouterr().out
    assert "has a watchdog time of 5 s, and SBD_WATCHDOG_TIMEOUT is 30 s" in out
    assert "pcs stonith sbd enable" in out
