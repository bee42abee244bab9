"""`takeover apply`: one atomic push, then a look at what became of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import CONFIG, PUSH, configuration
from tests.unit.pcs_wrapper.conftest import CREATED, EXAMPLE, Takeover

APPLIED = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))


def test_a_description_is_applied(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The difference is pushed, the cluster settles, and what runs where is said."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    cluster.when(PUSH, then=lambda: cluster.later("running"))
    assert takeover("apply", EXAMPLE) == 0
    assert cluster.writes == [PUSH]
    [pushed] = cluster.pushes
    assert (pushed.before, pushed.after) == (LIVE, cluster.cib)
    assert configuration(cluster.cib) == configuration(APPLIED)
    assert capsys.readouterr().out == (
        f"created: {CREATED}\n"
        "changed: cib-bootstrap-options-stonith-enabled\n"
        "shop: running on node1\n"
    )
    assert takeover.said == [
        "asking every node whether what shop-filesystem, shop-app, shop-address shall have is free",
        "pushing the changes (checkpoint 1)",
        "waiting up to 490 s for the cluster to settle",
    ]


def test_applying_again_pushes_nothing(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second apply of the same description changes nothing and says so."""
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", EXAMPLE) == 0
    assert cluster.writes == []
    assert takeover.said == ["nothing to change"]
    assert capsys.readouterr().out == "shop: running on node1\n"


def test_a_service_that_does_not_run_is_exit_code_1(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration is in place, but the service is down: the reason is told, once."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    cluster.when(PUSH, state="fencing-refused")
    assert takeover("apply", "--no-rollback", EXAMPLE) == 1
    assert cluster.writes == [PUSH]
    assert capsys.readouterr().out.splitlines() == [
        f"created: {CREATED}",
        "changed: cib-bootstrap-options-stonith-enabled",
        "the change did harm:",
        "  shop: stopped — waiting for node1 to be fenced; fencing by fence-power failed: "
        "the outlet is locked (3 attempts)",
        "the change is still in the cluster; to take it back: takeover rollback 1",
    ]


def test_a_service_that_is_disabled_is_no_failure(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has stopped a service on purpose is reminded of it, and has nothing to repair."""
    cluster.state, cluster.cib = "disabled", APPLIED
    assert takeover("apply", EXAMPLE) == 0
    assert cluster.writes == []
    assert capsys.readouterr().out == (
        "shop: stopped — it is disabled; to start it: pcs resource enable shop\n"
    )


def test_a_service_that_pacemaker_does_not_know_is_exit_code_1(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that is not in the cluster's state at all does not count as running."""
    cluster.state, cluster.cib = "cluster-only", APPLIED
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    assert "shop: stopped — Pacemaker does not show it" in capsys.readouterr().out


def test_json_tells_changes_and_services(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs get changes and services as data."""
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", "--json", EXAMPLE) == 0
    assert cluster.writes == []
    data = json.loads(capsys.readouterr().out)
    assert data["changes"] == {"created": [], "changed": [], "removed": []}
    assert data["services"][0]["state"] == "running"
    assert data["stopped_fencing"] == {}


def test_a_dry_run_shows_difference_and_commands(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is pushed; what would be, and by which commands, is printed."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    assert takeover("apply", "--dry-run", EXAMPLE) == 0
    assert cluster.writes == []
    lines = capsys.readouterr().out.splitlines()
    assert '+      <group id="shop">' in lines
    assert lines[lines.index("# saving the live configuration") :] == [
        "# saving the live configuration",
        "pcs cluster cib old.xml",
        "# keeping checkpoint 1",
        "# pushing the changes (checkpoint 1)",
        "crm_diff --original old.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        "# waiting up to 490 s for the cluster to settle",
        "crm_resource --wait --timeout=490",
        "# finding the reasons for failures",
        "# verifying that the services of the change run, and that no other was hurt",
        "# recording that checkpoint 1 is in the cluster",
    ]


def test_a_cluster_of_another_name_is_refused(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same nodes may be another cluster's; what changes a name is told (pcs 0.12 changelog)."""
    cluster.state, cluster.cib = "running", LIVE
    cluster.config = CONFIG | {"cluster_name": "store"}
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    assert capsys.readouterr().err == (
        "the running cluster is called 'store', the description's 'shop'. Is it the description "
        "of this cluster? apply does not rename one. pcs 0.12 and newer can, while it is off: "
        "takeover cluster stop, pcs cluster rename NAME, takeover cluster start\n"
    )


@pytest.mark.parametrize(("totem", "token"), [({"token": "5000"}, "5000"), ({}, "3000")])
def test_another_token_is_warned_of(
    totem: dict[str, str], token: str, cluster: Cluster, takeover: Takeover
) -> None:
    """The token is Corosync's, not the CIB's: the command that changes it is told."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.config = CONFIG | {"totem_options": totem}
    assert takeover("apply", EXAMPLE) == 0
    assert cluster.writes == []
    assert takeover.warned == [
        f"the cluster's token is {token} ms, the description's 1000 ms. apply leaves that to: "
        "takeover cluster configure FILE"
    ]


def test_a_changed_fencing_device_is_tried_again(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pacemaker would not start a device that has failed everywhere: its failures are removed."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("fence_apc", "fence_apc_snmp"))
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", file) == 0
    assert cluster.writes == [PUSH, "pcs stonith cleanup fence-power"]
    assert capsys.readouterr().out == "changed: fence-power\nshop: running on node1\n"


def test_a_dry_run_shows_the_cleanup_of_a_changed_fencing_device(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands are all that an apply would run, in their order."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("fence_apc", "fence_apc_snmp"))
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", "--dry-run", file) == 0
    assert cluster.writes == []
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("#")][-4:] == [
        "crm_diff --original old.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        "pcs stonith cleanup fence-power",
        "crm_resource --wait --timeout=490",
    ]


def test_fencing_that_does_not_run_is_exit_code_1(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cluster without fencing is not what is described: the device's own reason is told."""
    cluster.state, cluster.cib = "fencing-stopped", APPLIED
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    assert capsys.readouterr().out.splitlines()[-1] == (
        "fence-power: not running — start of fence-power failed on node2: unable to log in to "
        "203.0.113.2 (when that is repaired: pcs stonith cleanup fence-power)"
    )


def test_a_partition_without_quorum_is_not_pushed_to(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two partitions' configurations would fight when they meet: the cure is named instead."""
    cluster.state, cluster.cib = "no-quorum", LIVE
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    assert capsys.readouterr().err == (
        "no quorum: 1 of 3 nodes online. Nothing was changed: the other partition may have "
        "quorum, and changes of its own. Bring nodes back (takeover cluster start), or apply it "
        "on a node of the other partition\n"
    )


def test_a_dry_run_needs_no_quorum(cluster: Cluster, takeover: Takeover) -> None:
    """What an apply would do can be looked at in any partition."""
    cluster.state, cluster.cib = "no-quorum", LIVE
    assert takeover("apply", "--dry-run", EXAMPLE) == 0
    assert cluster.writes == []


def test_a_push_that_fails_says_that_nothing_was_changed(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tool's command and output are shown, and the files are removed."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    cluster.when(PUSH, exit_code=1, stderr="Call failed: patch did not apply\n")
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == [PUSH]
    assert cluster.cib == LIVE
    error = capsys.readouterr().err
    assert "patch did not apply\nNothing was changed" in error
    cluster.check()


def test_other_nodes_are_refused(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A description of another cluster is not applied to this one."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("node3", "node4"))
    cluster.state, cluster.cib = "running", LIVE
    assert takeover("apply", file) == 1
    assert cluster.writes == []
    assert "the cluster lacks node4; the description lacks node3" in capsys.readouterr().err


def test_a_node_that_is_to_be_renamed_is_told_how(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has the node's addresses is the same machine (pcs 0.12 changelog)."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("node3", "db3"))
    cluster.state, cluster.cib = "running", LIVE
    assert takeover("apply", file) == 1
    assert cluster.writes == []
    assert (
        "Is node3 to be called db3? A node gets another name when it leaves and comes back: "
        "takeover node remove node3, its new host name, takeover node add db3"
    ) in capsys.readouterr().err
    file.write_text(file.read_text().replace("198.51.100.13", "198.51.100.23"))
    assert takeover("apply", file) == 1
    assert "Is it the description of this cluster?" in capsys.readouterr().err


def test_missing_agents_are_told_before_anything_is_pushed(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cure is the command that installs them."""
    (takeover.machine.agents / "app").unlink()
    cluster.state, cluster.cib = "cluster-only", LIVE
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    assert capsys.readouterr().err == (
        "ocf:takeover:app is not installed on this machine. "
        "Run `takeover agents install` on every node\n"
    )


def test_a_missing_fence_agent_is_told_before_anything_is_pushed(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pacemaker would only say that the device does not start, and not why."""
    cluster.programs.remove("fence_apc")
    cluster.state, cluster.cib = "cluster-only", LIVE
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    assert capsys.readouterr().err == (
        "fence_apc is not installed on this machine. On every node, install the fence agent's "
        "package (Debian 12: fence-agents, 13: `apt search fence-agents-`)\n"
    )


def test_something_in_the_way_is_told_before_anything_is_pushed(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A resource of others with our name is not overwritten."""
    taken = LIVE.replace('id="printer"', 'id="shop"')
    cluster.state, cluster.cib = "cluster-only", taken
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    assert "already has shop, which Takeover did not make" in capsys.readouterr().err


def test_the_schema_is_asked_before_anything_is_pushed(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CIB that Pacemaker would reject is not pushed, and it is said why (pcs#926)."""
    takeover.has_a_schema_that_rejects()
    cluster.state, cluster.cib = "cluster-only", LIVE
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    error = capsys.readouterr().err
    assert error.endswith(
        "rejects the CIB:\n  line 2: Did not expect element configuration there\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('node1 = "1", ', "", "no fencing device can fence this node"),
        ("[cluster]", "[properties]\nstonith-enabled = false\n[cluster]", "stonith-enabled"),
    ],
)
def test_a_description_does_not_take_the_last_fencing_out(
    *, old: str, new: str, says: str, cluster: Cluster, takeover: Takeover, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """None without fencing for each node is applied (pcs 0.12 changelog)."""
    file = tmp_path / "cluster.toml"
    text = EXAMPLE.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert takeover("apply", file) == 2
    assert says in capsys.readouterr().err
    assert cluster.calls == []


@pytest.mark.parametrize("arguments", [("apply",), ("cluster", "create"), ("apply", "--dry-run")])
def test_it_needs_root(
    arguments: tuple[str, ...], cluster: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Without root, nothing is run at all."""
    takeover.machine = dataclasses.replace(takeover.machine, is_root=False)
    assert takeover(*arguments, EXAMPLE) == 1
    assert cluster.calls == []
    assert capsys.readouterr().err == "this needs root: run it again with sudo\n"


@pytest.mark.parametrize("arguments", [("apply",), ("cluster", "create"), ("apply", "--dry-run")])
def test_it_needs_pcs(
    arguments: tuple[str, ...], cluster: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Without pcs, nothing is run at all."""
    cluster.programs.remove("pcs")
    assert takeover(*arguments, EXAMPLE) == 1
    assert cluster.calls == []
    assert capsys.readouterr().err == "pcs is not installed on this machine: apt install pcs\n"


def test_no_cluster_running_is_exit_code_4(cluster: Cluster, takeover: Takeover) -> None:
    """Without a cluster, there is nothing to apply to."""
    cluster.state = "disconnected"
    assert takeover("apply", EXAMPLE) == 4
    assert cluster.writes == []
