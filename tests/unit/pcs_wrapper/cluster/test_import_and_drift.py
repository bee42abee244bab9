"""`takeover import` and `takeover drift`: from a cluster to its description, and back again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cib_templates.cib.text import to_text
from cib_templates.reading.reading import read_description
from pcs_wrapper.pacemaker.cib import read_cib_file
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import CONFIG
from tests.unit.pcs_wrapper.conftest import LIVE, Takeover

CIB = LIVE / "2.1.xml"
SHOP = LIVE / "shop.toml"


@pytest.fixture
def imported(
    takeover: Takeover, cluster: Cluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Path:
    """Import a CIB that Takeover has made, and return the description's file."""
    conf = tmp_path / "corosync.conf"
    cluster.config_files[str(conf)] = CONFIG
    assert takeover("import", "--cib", CIB, "--corosync-conf", conf) == 0
    file = tmp_path / "imported.toml"
    file.write_text(capsys.readouterr().out)
    return file


def test_what_takeover_has_made_comes_back(imported: Path, takeover: Takeover) -> None:
    """The services are the same, and a plan with it has nothing to do."""
    assert read_description(imported).services == read_description(SHOP).services
    assert takeover("plan", "--cib", CIB, imported) == 0
    assert takeover("drift", "--cib", CIB, imported) == 0


def test_a_live_cluster_is_asked(
    takeover: Takeover, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """By pcs alone; nothing is changed."""
    cluster.state, cluster.cib = "running", CIB.read_text()
    cluster.programs = {"pcs", "crm_mon"}
    assert takeover("import") == 0
    assert cluster.writes == []
    assert capsys.readouterr().out.startswith("# Imported from this cluster.\n")


def test_files_come_together(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """A CIB alone does not say on which links its nodes are."""
    assert takeover("import", "--cib", CIB) == 2
    assert "--cib and --corosync-conf belong together" in capsys.readouterr().err


def test_a_change_by_hand_is_told(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was described, and what it is now; what is not described is listed apart."""
    cib = read_cib_file(CIB)
    [interval] = cib.xpath("//primitive[@id='shop-app']//op[@name='monitor']")
    interval.set("timeout", "99s")
    [resources] = cib.xpath("configuration/resources")
    primitive = {"id": "cups", "class": "systemd", "type": "cups"}
    resources.append(resources.makeelement("primitive", primitive))
    changed = tmp_path / "cib.xml"
    changed.write_text(to_text(cib))
    assert takeover("drift", "--cib", changed, SHOP) == 3
    out = capsys.readouterr().out
    assert "shop-app" in out
    assert "99s" in out
    assert "not managed: primitive cups" in out
    assert takeover("drift", "--json", "--cib", changed, SHOP) == 3
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["differences"]] == ["shop-app"]
    assert told["not_managed"] == ["primitive cups"]


def test_a_cluster_that_could_not_be_applied_is_described_all_the_same(
    takeover: Takeover, cluster: Cluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a fence device: the description is there to begin with, and says what it lacks."""
    cib = read_cib_file(CIB)
    for device in cib.xpath("//primitive[@class='stonith']"):
        device.getparent().remove(device)
    changed, conf = tmp_path / "cib.xml", tmp_path / "corosync.conf"
    changed.write_text(to_text(cib))
    cluster.config_files[str(conf)] = CONFIG
    assert takeover("import", "--cib", changed, "--corosync-conf", conf) == 1
    out = capsys.readouterr().out
    assert "[services.shop.app]" in out
    assert "# Correct this before you apply it:\n" in out
    assert "no fencing device can fence this node" in out.replace("\n#     ", " ")
    assert "no fencing device can fence this node" in takeover.warned[0]


def test_links_that_are_host_names_are_resolved(
    takeover: Takeover, cluster: Cluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As `pcs cluster setup` makes them; one that nobody knows is told."""
    cluster.state, cluster.cib = "running", CIB.read_text()
    cluster.programs |= {"getent"}
    names = {node["name"]: [{"addr": node["name"], "link": "0"}] for node in CONFIG["nodes"]}
    cluster.config = CONFIG | {
        "nodes": [{"name": name, "nodeid": "1", "addrs": links} for name, links in names.items()]
    }
    cluster.hosts = {"node1": "198.51.100.11", "node2": "198.51.100.12", "node3": "2001:db8::3"}
    assert takeover("import") == 0
    file = tmp_path / "imported.toml"
    file.write_text(capsys.readouterr().out)
    nodes = read_description(file).nodes
    assert [node.links for node in nodes.values()] == [[each] for each in cluster.hosts.values()]
    del cluster.hosts["node2"]
    assert takeover("import") == 1
    assert "'node2' is not an IPv4 or IPv6 address" in capsys.readouterr().out
