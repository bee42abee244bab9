"""Nothing that is not well is hidden: status, plan, drift and apply tell the same."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import CONFIG, told
from tests.unit.pcs_wrapper.conftest import Takeover

Output = pytest.CaptureFixture[str]
OFF = told("running").replace('stonith-enabled="true"', 'stonith-enabled="false"')
#: Newer versions of Pacemaker.
OFF_BY_ANOTHER_NAME = OFF.replace("stonith-enabled", "fencing-enabled")
MAINTENANCE = told("running").replace('maintenance-mode="false"', 'maintenance-mode="true"')


@pytest.fixture
def running(cluster: Cluster, live: str) -> Cluster:
    """Return a cluster that runs as it is described."""
    cluster.state, cluster.cib = "running", live
    return cluster


def found(takeover: Takeover, capsys: Output) -> dict[str, str]:
    """Return the findings of `status`: the severity of each by its code."""
    capsys.readouterr()
    assert takeover("status", "--json") == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {each["code"]: each["severity"] for each in findings}


def check(takeover: Takeover, capsys: Output) -> tuple[int, str]:
    """Return how `status --check` ends, and what it says."""
    capsys.readouterr()
    return takeover("status", "--check"), capsys.readouterr().out


def test_all_is_well(running: Cluster, takeover: Takeover, capsys: Output) -> None:
    """A line for monitoring, and no finding."""
    assert running.dead_links == set()
    assert check(takeover, capsys) == (0, "OK - everything runs, and nothing is lost\n")
    assert found(takeover, capsys) == {}


@pytest.mark.parametrize("state", [OFF, OFF_BY_ANOTHER_NAME])
def test_fencing_that_is_off_is_the_first_line(
    state: str, running: Cluster, takeover: Takeover, capsys: Output
) -> None:
    """Whatever else there is to say, and although the devices are Started."""
    running.state = state
    assert takeover("status") == 0
    assert capsys.readouterr().out.startswith("NOT WELL: fencing is switched off (stonith-enabled")
    assert check(takeover, capsys)[0] == 2


def test_every_command_tells_of_it(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """Whoever plans, compares or applies learns it, too: on the terminal and as data."""
    running.state = OFF
    for command in ("plan", "drift", "apply"):
        takeover.warned.clear()
        capsys.readouterr()
        assert takeover(command, "--json", description) == 0
        codes = [each["code"] for each in json.loads(capsys.readouterr().out)["findings"]]
        assert codes == ["fencing-off"]
        assert [each.partition(",")[0] for each in takeover.warned] == [
            "fencing is switched off (stonith-enabled=false)"
        ]


def test_no_fencing_device_is_as_bad(running: Cluster, takeover: Takeover, capsys: Output) -> None:
    """Unless nodes end themselves, by a watchdog."""
    running.state = told("empty")
    assert found(takeover, capsys)["fencing-off"] == "error"
    running.edit('name="have-watchdog" value="false"', 'name="have-watchdog" value="true"')
    pair = '<nvpair id="w" name="stonith-watchdog-timeout" value="{}"/></cluster_property_set>'
    running.edit("</cluster_property_set>", pair.format("10s"))
    assert "fencing-off" not in found(takeover, capsys)
    running.edit('value="10s"', 'value="0"')
    assert "fencing-off" in found(takeover, capsys)


_VERIFY = """\
   error: unpack_resources:\tResource start-up disabled since no STONITH resources have been defined
(unpack_config) \twarning: Blind faith: not fencing unseen nodes
Errors found during check: config not valid
"""


def test_what_pacemaker_says_of_the_configuration_is_told_in_its_words(
    running: Cluster, takeover: Takeover, capsys: Output
) -> None:
    """`status` has crm_verify's words (pcs 0.12 changelog), of whichever version."""
    running.programs.add("crm_verify")
    assert found(takeover, capsys) == {}
    running.verified = _VERIFY
    assert takeover("status") == 0
    out = capsys.readouterr().out
    assert (
        "NOT WELL: Pacemaker says of the configuration: Resource start-up disabled since no "
        "STONITH resources have been defined"
    ) in out
    assert "warning: Pacemaker says of the configuration: Blind faith: not fencing unseen" in out
    assert check(takeover, capsys)[0] == 2
    running.when("crm_verify", hangs=True)
    assert found(takeover, capsys) == {}, "it delays nobody for long"


def test_a_dead_link_is_told(running: Cluster, takeover: Takeover, capsys: Output) -> None:
    """The other link still works: nothing else would say it."""
    running.dead_links = {(1, 2), (1, 3)}
    assert takeover("status") == 0
    assert "warning: link 1 from node1 to node2, node3 is dead" in capsys.readouterr().out
    assert check(takeover, capsys)[0] == 1


def test_a_link_to_a_node_that_is_away_is_not_dead(
    running: Cluster, takeover: Takeover, capsys: Output
) -> None:
    """That node is offline, and this is what is told."""
    running.dead_links = {(0, 3), (1, 3)}
    running.state = told("running").replace(
        'name="node3" id="3" online="true"', 'name="node3" id="3" online="false"'
    )
    assert found(takeover, capsys) == {"node-away": "warning"}


def test_only_root_can_know_of_links(running: Cluster, takeover: Takeover, capsys: Output) -> None:
    """Others see all else."""
    running.dead_links = {(1, 2)}
    takeover.machine = dataclasses.replace(takeover.machine, is_root=False)
    assert found(takeover, capsys) == {}


@pytest.mark.parametrize(
    ("state", "findings", "code"),
    [
        ("no-quorum", {"no-quorum": "error"}, 2),
        ("disabled", {"service-disabled": "warning"}, 1),
        ("fencing-stopped", {"fencing-stopped": "error"}, 2),
        ("fencing-refused", {"fencing-fails": "error"}, 2),
        (MAINTENANCE, {"cluster-in-maintenance": "warning"}, 1),
        ("start-failed", {"service-stopped": "error"}, 2),
        ("standby", {"node-away": "warning", "service-stopped": "error"}, 2),
    ],
)
def test_what_else_is_not_well(
    *,
    state: str,
    findings: dict[str, str],
    code: int,
    running: Cluster,
    takeover: Takeover,
    capsys: Output,
) -> None:
    """Each has a code, and a severity that `--check` ends with."""
    running.state = state
    assert findings.items() <= found(takeover, capsys).items()
    ended, line = check(takeover, capsys)
    assert (ended, line.partition(" ")[0]) == (code, {1: "WARNING", 2: "CRITICAL"}[code])
    assert line.count("\n") == 1


def test_monitoring_learns_that_nothing_is_known(
    cluster: Cluster, takeover: Takeover, capsys: Output
) -> None:
    """No cluster runs here: that is neither well nor critical."""
    cluster.state = "disconnected"
    code, line = check(takeover, capsys)
    assert (code, line.partition(" ")[0]) == (3, "UNKNOWN")
    assert takeover("status", "--check", "--json") == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "cluster-unreachable"


def _config(**changed: Any) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(json.dumps(CONFIG))
    config["totem_options"].update(changed)
    return config


@pytest.mark.parametrize(
    ("options", "code", "difference"),
    [
        ({"token": "2000"}, "token-differs", ["corosync", "totem", "token", "1000 ms", "2000 ms"]),
        (
            {"consensus": "20000"},
            "corosync-timing-differs",
            ["corosync", "totem", "consensus", None, "20000 ms"],
        ),
        (
            {"token_coefficient": "0"},
            "corosync-timing-differs",
            ["corosync", "totem", "token_coefficient", "650 ms", "0 ms"],
        ),
    ],
)
def test_another_time_of_corosync_is_a_drift(
    *,
    options: dict[str, str],
    code: str,
    difference: list[str | None],
    running: Cluster,
    takeover: Takeover,
    description: Path,
    capsys: Output,
) -> None:
    """It is not as described, whatever the CIB is like."""
    running.config = _config(**options)
    assert takeover("drift", "--json", description) == 3
    said = json.loads(capsys.readouterr().out)
    [each] = said["differences"]
    [fact] = each["facts"]
    assert [each["what"], each["name"], fact["name"], fact["old"], fact["new"]] == difference
    assert [each["code"] for each in said["findings"]] == [code]
    takeover.warned.clear()
    assert takeover("plan", description) == 0
    assert len(takeover.warned) == 1


def test_another_address_is_a_drift(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """With the node, both addresses, and the way to change it that Corosync takes."""
    description.write_text(description.read_text().replace("203.0.113.13", "203.0.113.23"))
    assert takeover("drift", description) == 3
    assert "198.51.100.13, 203.0.113.23 → 198.51.100.13, 203.0.113.13" in capsys.readouterr().out
    [said] = takeover.warned
    assert "Corosync's links of node3 have the addresses 198.51.100.13, 203.0.113.13" in said
    assert "takeover cluster configure" in said
    assert running.writes == []


def test_what_corosync_has_not_loaded_is_told(
    running: Cluster, takeover: Takeover, description: Path
) -> None:
    """The file was edited, and Corosync runs with what it had before."""
    running.loaded = _config(token="4000")
    assert takeover("drift", description) == 0
    assert takeover.warned == [
        "Corosync runs with the token 4000 ms on this node, and its configuration file says 1000 "
        "ms. To load it on every node: pcs cluster reload corosync"
    ]


def test_many_of_a_kind_are_counted(
    running: Cluster, takeover: Takeover, description: Path
) -> None:
    """A hundred stopped services do not hide what is planned."""
    group = told("disabled").partition("<group ")[2].partition("</group>")[0]
    one = f"<group {group}</group>"
    many = "".join(one.replace('id="shop', f'id="s{number}') for number in range(9))
    running.state = told("disabled").replace(one, one + many)
    assert takeover("plan", description) == 0
    assert len(takeover.warned) == 6
    assert takeover.warned[-1] == "5 more of the kind service-disabled: see takeover status"
