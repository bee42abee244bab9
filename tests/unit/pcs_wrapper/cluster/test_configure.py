"""`takeover cluster configure`: Corosync's times and links, while everything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import CONFIG
from tests.unit.pcs_wrapper.conftest import Takeover

#: New first addresses of all nodes.
FIRST = tuple((f'["198.51.100.1{at}"', f'["198.51.100.3{at}"') for at in (1, 2, 3))
REMOVE_1 = "pcs cluster link remove 1"


@pytest.fixture
def shop(cluster: Cluster, takeover: Takeover, live: str) -> Takeover:
    """Return the command line on a node of a cluster that is as described."""
    cluster.state, cluster.cib = "running", live
    takeover.machine.corosync_conf.touch()
    return takeover


def edit(description: Path, *changes: tuple[str, str]) -> None:
    """Change a description."""
    text = description.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    description.write_text(text)


def added(number: int, *addresses: str) -> str:
    """Return the command that adds a link."""
    nodes = " ".join(f"node{at}={address}" for at, address in enumerate(addresses, 1))
    return f"pcs cluster link add {nodes} options linknumber={number}"


def test_there_may_be_nothing_to_do(
    shop: Takeover, cluster: Cluster, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And then nothing is done."""
    assert shop("cluster", "configure", description) == 0
    assert capsys.readouterr().out == "Corosync is as described: there is nothing to do\n"
    assert cluster.writes == []


def test_times_are_changed_at_once(
    shop: Takeover, cluster: Cluster, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them in one step; what is not described any more gets its default back."""
    cluster.config = CONFIG | {"totem_options": {"token": "5000", "consensus": "9000"}}
    update = "pcs cluster config update totem token=1000 consensus="
    assert shop("cluster", "configure", "--dry-run", description) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Corosync's token: 5000 ms → 1000 ms",
        "Corosync's consensus: 9000 ms → default",
        "# changing Corosync's token, consensus",
        update,
    ]
    assert cluster.writes == []
    assert shop("cluster", "configure", description) == 0
    assert cluster.writes == [update]
    assert shop("drift", description) == 0


def test_a_new_address_of_a_node(
    shop: Takeover, cluster: Cluster, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its link is replaced while the other one connects the nodes."""
    edit(description, ("203.0.113.13", "203.0.113.33"))
    assert shop("cluster", "configure", description) == 0
    add = added(1, "203.0.113.11", "203.0.113.12", "203.0.113.33")
    assert cluster.writes == [REMOVE_1, add]
    assert "node3's links: 198.51.100.13, 203.0.113.13 → 198.51.100.13, 203.0.113.33" in (
        capsys.readouterr().err
    )
    assert shop("drift", description) == 0


def test_one_link_after_the_other(shop: Takeover, cluster: Cluster, description: Path) -> None:
    """All addresses are new: the first new link comes before the first old one goes."""
    edit(description, *FIRST, *((f"203.0.113.1{at}", f"203.0.113.3{at}") for at in (1, 3)))
    edit(description, ('"203.0.113.12"', '"203.0.113.32"'))
    assert shop("cluster", "configure", description) == 0
    assert cluster.writes == [
        added(2, "198.51.100.31", "198.51.100.32", "198.51.100.33"),
        "pcs cluster link remove 0",
        added(0, "203.0.113.31", "203.0.113.32", "203.0.113.33"),
        REMOVE_1,
    ]


def test_the_only_link_gets_its_successor_first(
    shop: Takeover, cluster: Cluster, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And pcsd, which knows the nodes by the old address, is told of the new one."""
    edit(description, *((f', "203.0.113.1{number}"', "") for number in (1, 2, 3)))
    nodes = [{**node, "addrs": node["addrs"][1:]} for node in CONFIG["nodes"]]
    cluster.config = CONFIG | {"nodes": nodes}
    assert shop("cluster", "configure", description) == 0
    assert cluster.writes == []
    edit(description, *FIRST)
    assert shop("cluster", "configure", description) == 0
    assert cluster.writes == [
        added(1, "198.51.100.31", "198.51.100.32", "198.51.100.33"),
        "pcs cluster link remove 0",
    ]
    said = capsys.readouterr().err
    assert "pcs host auth node1 addr=198.51.100.31 node2 addr=198.51.100.32" in said


def test_a_second_link_is_added_and_removed(
    shop: Takeover, cluster: Cluster, description: Path
) -> None:
    """Without the first one being touched."""
    nodes = [{**node, "addrs": node["addrs"][1:]} for node in CONFIG["nodes"]]
    cluster.config = CONFIG | {"nodes": nodes}
    assert shop("cluster", "configure", description) == 0
    assert cluster.writes == [added(1, "203.0.113.11", "203.0.113.12", "203.0.113.13")]
    edit(description, *((f', "203.0.113.1{number}"', "") for number in (1, 2, 3)))
    assert shop("cluster", "configure", description) == 0
    assert cluster.writes[1:] == [REMOVE_1]


def test_no_link_is_taken_while_the_other_is_dead(
    shop: Takeover, cluster: Cluster, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cluster would fall apart."""
    edit(description, ("203.0.113.13", "203.0.113.33"))
    cluster.dead_links = {(0, 3)}
    assert shop("cluster", "configure", "--dry-run", "--json", description) == 0
    [found] = json.loads(capsys.readouterr().out)["obstacles"]
    assert found["code"] == "link-needed"
    assert shop("cluster", "configure", description) == 1
    assert "would be the only one meanwhile" in capsys.readouterr().err
    assert cluster.writes == []


def test_every_node_is_there(
    shop: Takeover, cluster: Cluster, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else it would come back with the old configuration."""
    edit(description, ('token = "1000ms"', 'token = "2000ms"'))
    cluster.state = cluster.state.replace('online="true"', 'online="false"', 1)
    assert shop("cluster", "configure", description) == 1
    assert "is not there. Wait for every node" in capsys.readouterr().err
    assert cluster.writes == []


def test_a_new_link_that_does_not_connect_is_told(
    shop: Takeover, cluster: Cluster, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to look at; what the next try finds is only the missing part."""
    edit(description, ("203.0.113.13", "203.0.113.33"))
    cluster.when("pcs cluster link add", then=lambda: cluster.dead_links.add((1, 3)))
    assert shop("cluster", "configure", description) == 1
    assert "link 1 does not connect node 3 after 60 s" in capsys.readouterr().err


def test_what_is_written_and_was_never_loaded_is_loaded(
    shop: Takeover, cluster: Cluster, description: Path
) -> None:
    """Somebody has edited corosync.conf by hand."""
    cluster.loaded = CONFIG | {"totem_options": {"token": "3000"}}
    assert shop("cluster", "configure", description) == 0
    assert cluster.writes == ["pcs cluster reload corosync"]


def test_it_is_not_the_description_of_another_cluster(
    shop: Takeover, cluster: Cluster, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose addresses would be given to these nodes."""
    edit(description, ('name = "shop"', 'name = "store"'))
    assert shop("cluster", "configure", description) == 1
    assert "Is it the description of this cluster?" in capsys.readouterr().err
    assert cluster.writes == []
