"""`takeover fence list`: what can fence each node, and whether it would work when it must."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.fencing.conftest import state, with_history

LEVELS = (
    "<fencing-topology>"
    '<fencing-level id="a" target="node1" index="2" devices="fence-rig"/>'
    '<fencing-level id="b" target="node1" index="1" devices="fence-apc,fence-other"/>'
    '<fencing-level id="c" target-pattern="^node[23]$" index="1" devices="fence-rig"/>'
    "</fencing-topology></configuration>"
)


@pytest.fixture(autouse=True)
def nothing_is_written(cluster: Cluster) -> Iterator[None]:
    """Whoever asks switches nothing."""
    yield
    assert cluster.writes == []


def test_each_node_is_shown_with_what_can_fence_it(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The device, where it runs, what its monitor said, and what it says of each machine."""
    assert takeover("fence", "list") == 0
    assert capsys.readouterr().out == (
        "nodes:\n"
        "  node1 (online): fence-rig\n"
        "    fence-rig: says that it is on\n"
        "    never fenced, as far as the cluster remembers\n"
        "  node2 (online): fence-rig\n"
        "    fence-rig: says that it is on\n"
        "    never fenced, as far as the cluster remembers\n"
        "  node3 (online): fence-rig\n"
        "    fence-rig: says that it is on\n"
        "    never fenced, as far as the cluster remembers\n"
        "fencing devices:\n"
        "  fence-rig (fence_takeover_rig): runs on node2\n"
        "    monitor: well since 2026-11-24 19:48:39Z (on node2)\n"
    )
    assert [each["plug"] for each in fenced.told_agents] == ["node1", "node2", "node3"]


def test_a_machine_that_does_not_exist_is_noticed(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """cluster-glue#37, azure-docs#53439: the monitor is fine for a machine that does not exist."""
    del fenced.machines["node2"]
    assert takeover("fence", "list") == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "NOT WELL: fence-rig does not say whether node2 is on: no such plug: node2 (Is there such "
        "a machine at the device, may this login switch it, and can node1 reach it?)\n"
    )
    assert "    fence-rig: not known whether it is on — no such plug: node2\n" in out
    assert "monitor: well since" in out


def test_a_plug_of_another_machine_is_noticed(fenced: Cluster, told_json: Any) -> None:
    """A device that calls a node off that is online would switch something else."""
    fenced.edit(
        'name="pcmk_host_list" value="node1,node2,node3"',
        'name="pcmk_host_map" value="node1:7;node2:8;node3:9"',
    )
    fenced.machines = {"7": "on", "8": "off", "9": "on"}
    code, found = told_json("fence", "list")
    assert code == 1
    [finding] = found["findings"]
    assert finding["code"] == "fencing-plug-of-another"
    assert finding["message"].startswith("fence-rig says that node2 (its plug 8) is off, but node2")


def test_a_device_that_hangs_holds_nobody_up(fenced: Cluster, told_json: Any) -> None:
    """pcs#52: it is given up after its time, and asked for no other node."""
    fenced.silent_devices = {"fence_takeover_rig"}
    code, found = told_json("fence", "list")
    assert code == 1
    assert len(fenced.told_agents) == 1
    assert [(each["code"], each["message"]) for each in found["findings"]] == [
        (
            "fencing-plug-fails",
            "fence-rig does not say whether node1 is on: no answer within 20 s",
        ),
        (
            "fencing-device-not-asked",
            "fence-rig was not asked for node2, node3: the device did not answer for another node "
            "before",
        ),
    ]


def test_quick_asks_no_device(fenced: Cluster, takeover: Takeover) -> None:
    """What is slow or locked is left alone."""
    assert takeover("fence", "list", "--quick") == 0
    assert fenced.told_agents == []


def test_a_node_that_nothing_can_fence_is_told(fenced: Cluster, told_json: Any) -> None:
    """A node that a device is not for would keep its services when it fails."""
    fenced.edit('value="node1,node2,node3"', 'value="node1,node2"')
    code, found = told_json("fence", "list")
    assert code == 1
    [finding] = found["findings"]
    assert finding["code"] == "node-not-fenceable"
    assert finding["message"] == "node3 can be fenced by nothing: no device is for it"
    assert [node["order"] for node in found["nodes"]] == [[["fence-rig"]], [["fence-rig"]], []]


def test_a_device_that_does_not_run_fences_nobody(fenced: Cluster, told_json: Any) -> None:
    """Each node is told, and the device's own reason."""
    fenced.state = state("fencing-stopped")
    code, found = told_json("fence", "list")
    assert code == 1
    messages = [each["message"] for each in found["findings"]]
    assert "node1 can be fenced by nothing that runs: fence-rig would be needed" in messages
    assert any("unable to log in" in message for message in messages)
    assert found["devices"][0]["nodes"] == []


def test_levels_are_shown_in_their_order(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A level may be for a pattern of names, too; one whose devices do not run is left out."""
    fenced.edit("</configuration>", LEVELS)
    assert takeover("fence", "list", "--quick") == 0
    out = capsys.readouterr().out
    assert "  node1 (online): level 1: fence-apc and fence-other, else level 2: fence-rig\n" in out
    assert "  node3 (online): level 1: fence-rig\n" in out


def test_a_watchdog_counts_as_what_fences(fenced: Cluster, told_json: Any) -> None:
    """With SBD and no disk, a node without quorum ends itself."""
    fenced.edit('value="node1,node2,node3"', 'value="node1,node2"')
    pair = '<nvpair id="w" name="stonith-watchdog-timeout" value="10s"/></cluster_property_set>'
    fenced.edit("</cluster_property_set>", pair)
    fenced.edit('name="have-watchdog" value="false"', 'name="have-watchdog" value="true"')
    code, found = told_json("fence", "list")
    assert code == 0
    assert [node["watchdog"] for node in found["nodes"]] == [True, True, True]


def test_a_device_without_a_list_is_asked_for_it(fenced: Cluster, told_json: Any) -> None:
    """As Pacemaker does; a node that it does not list is none of its own."""
    fenced.edit('name="pcmk_host_list" value="node1,node2,node3"', 'name="x" value="y"')
    del fenced.machines["node3"]
    code, found = told_json("fence", "list")
    assert code == 1
    assert [each["message"] for each in found["findings"]] == [
        "node3 can be fenced by nothing: no device is for it"
    ]


def test_a_monitor_that_failed_is_shown_with_its_reason(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where and when, in the device's own words."""
    fenced.cib = re.sub(
        r'(operation_key="fence-rig_monitor_60000"[^>]*)exit-reason=""([^>]*)rc-code="0"',
        r'\1exit-reason="login refused"\2rc-code="1"',
        fenced.cib,
    )
    takeover("fence", "list", "--quick")
    assert "    monitor: failed at 2026-11-24 19:48:39Z on node2: login refused\n" in (
        capsys.readouterr().out
    )


def test_a_secret_that_the_agent_prints_is_not_shown(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the device refuses may be the login itself."""
    fenced.edit('name="pcmk_reboot_timeout" value="60s"', 'name="password" value="s3cret"')
    fenced.machines["node1"] = "refused: s3cret"
    takeover("fence", "list")
    out = capsys.readouterr().out
    assert "s3cret" not in out
    assert "refused: (a secret)" in out


def test_the_last_fencing_is_shown_with_node_and_device(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is one device, so it is known which it was."""
    fenced.state = with_history(
        state(),
        'action="reboot" target="node3" client="pacemaker-controld.812" origin="node2" '
        'status="success" delegate="node2" completed="2026-11-23 09:59:30.5Z"',
    )
    takeover("fence", "list", "--quick")
    line = (
        "    last: 2026-11-23 09:59:30Z  node3: reboot done (asked by the cluster on node2, by "
        "fence-rig on node2)\n"
    )
    assert capsys.readouterr().out.count(line) == 2
