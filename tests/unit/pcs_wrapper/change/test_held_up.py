"""A cluster that cannot carry out what it is told: it is said before the push, and in the wait."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.machine.runner import Result
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, configuration, told
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover
from tests.unit.pcs_wrapper.conftest import LIVE as FIXTURES

APPLIED = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))
BUSY = told("running").replace(
    'ocf:takeover:app" role="Started"', 'ocf:takeover:app" role="Starting"'
)
NODE2 = '<node name="node2" id="2" online="true"'
JOINING = told("running").replace(
    f'{NODE2} standby="false" standby_onfail="false" maintenance="false" pending="false"',
    f'{NODE2} standby="false" standby_onfail="false" maintenance="false" pending="true"',
)
MAINTENANCE = told("running").replace('maintenance-mode="false"', 'maintenance-mode="true"')
STOPPED = told("running").replace('stop-all-resources="false"', 'stop-all-resources="true"')
REFUSED = (
    "node1 is UNCLEAN (offline) and must be fenced, but fencing by fence-power failed: "
    "the outlet is locked"
)
#: A change of the service, of a fencing device, and of both.
SERVICE = {'"noatime"': '"relatime"'}
DEVICE = {"fence_apc": "fence_apc_snmp"}


@pytest.fixture
def sick(cluster: Cluster) -> Cluster:
    """Return a cluster with the example's service, of which a node cannot be fenced."""
    cluster.state, cluster.cib = "fencing-refused", APPLIED
    return cluster


def edited(folder: Path, changes: dict[str, str]) -> Path:
    """Return the example's description with changes."""
    file, text = folder / "cluster.toml", EXAMPLE.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return file


def test_a_node_that_cannot_be_fenced_stops_an_apply_before_its_push(
    sick: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is the fence agent's own, and the way out is told: nobody has to wait for it."""
    assert takeover("apply", edited(tmp_path, SERVICE)) == 1
    assert sick.writes == []
    error = capsys.readouterr().err
    assert REFUSED in error
    assert error.endswith("Nothing was changed. To make the change all the same: --even-so\n")
    assert not list((takeover.machine.state / "checkpoints").glob("*"))


def test_an_order_against_a_group_stops_an_apply_before_its_push(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#509: a fragment's, too; Pacemaker would take it, and then do nothing at all."""
    order = '<rsc_order id="mine" first="shop-address" then="shop-app"/>'
    fragment = f"\n[[fragments]]\nxml = '<constraints>{order}</constraints>'\n"
    file = edited(tmp_path, {})
    file.write_text(file.read_text() + fragment)
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", file) == 1
    assert cluster.writes == []
    assert "mine starts shop-address before shop-app" in capsys.readouterr().err


def test_programs_get_the_reason_as_findings(
    sick: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a code for each, and the node."""
    assert takeover("apply", "--json", edited(tmp_path, SERVICE)) == 1
    assert sick.writes == []
    problem = json.loads(capsys.readouterr().out)["error"]
    assert problem["code"] == "cluster-held-up"
    assert [(each["code"], each["path"]) for each in problem["findings"]] == [
        ("fencing-fails", "node1")
    ]


def test_a_description_that_changes_nothing_is_not_refused(
    sick: Cluster, takeover: Takeover
) -> None:
    """Nothing has to be carried out; the exit code tells that the service does not run."""
    assert takeover("apply", EXAMPLE) == 1
    assert sick.writes == []
    assert takeover.said == ["nothing to change"]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("fencing-pending", "node1 is UNCLEAN (offline): it must be fenced, and has not been yet"),
        (JOINING, "node2 is joining the cluster"),
        (JOINING.replace('pending="true"', 'pending="false"').replace(
            f'{NODE2} standby="false" standby_onfail="false" maintenance="false" '
            'pending="false" unclean="false" health="green" feature_set="3.16.2" shutdown="false"',
            f'{NODE2} standby="false" standby_onfail="false" maintenance="false" '
            'pending="false" unclean="false" health="green" feature_set="3.16.2" shutdown="true"',
        ), "node2 is shutting down"),
        (MAINTENANCE, "the cluster is in maintenance mode"),
        (STOPPED, "all resources are stopped by the property stop-all-resources"),
        (told("running").replace('name="node1" id="1" online="true" standby="false" '
                                 'standby_onfail="false" maintenance="false"',
                                 'name="node1" id="1" online="true" standby="false" '
                                 'standby_onfail="false" maintenance="true"'),
         "shop runs on node1, which is in maintenance"),
        ("no-dc", "no node has been elected to decide (DC) yet"),
        ("no-quorum", "no quorum: 1 of 3 nodes online"),
    ],
    ids=["being fenced", "joining", "shutting down", "maintenance", "all stopped",
         "node in maintenance", "no DC", "no quorum"],
)  # fmt: skip
def test_what_holds_the_cluster_up_is_named(
    *,
    state: str,
    why: str,
    cluster: Cluster,
    takeover: Takeover,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is pushed; plan tells it, too, and pushes nothing in any case."""
    cluster.state, cluster.cib = state, APPLIED
    nothing = (FIXTURES.parent / "crm_simulate" / "nothing-2.1.xml").read_text()
    cluster.scheduled = (nothing, nothing)
    file = edited(tmp_path, SERVICE)
    assert takeover("plan", file) == 3
    assert why in capsys.readouterr().out
    assert takeover("apply", file) == 1
    assert cluster.writes == []
    assert why in capsys.readouterr().err


def test_an_action_in_flight_of_another_service_is_waited_for_a_moment(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may end by itself: then the change is made. Meanwhile it is said what is waited for."""
    file = edited(tmp_path, DEVICE)
    cluster.state, cluster.cib = BUSY, APPLIED
    cluster.later("running")
    assert takeover("apply", file) == 0
    assert cluster.writes == [PUSH, "pcs stonith cleanup fence-power"]
    assert takeover.awaited[:2] == [("shop-app is being started on node1", 10.0), ("", 0.0)]
    cluster.state, cluster.cib = BUSY, APPLIED
    assert takeover("apply", file) == 1
    assert "shop-app is being started on node1. Pacemaker begins" in capsys.readouterr().err


def test_a_probe_that_hangs_is_named_although_no_role_shows_it(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its resource counts as stopped there; what has just begun, or has ended, is no obstacle."""
    begun = int(takeover.machine.now().timestamp())

    def operation(status: str, seconds: int) -> str:
        return (
            '<status><node_state uname="node2"><lrm id="2"><lrm_resources>'
            '<lrm_resource id="other" type="Dummy" class="ocf" provider="heartbeat">'
            f'<lrm_rsc_op id="o" operation="monitor" op-status="{status}" rc-code="193" '
            f'last-rc-change="{begun - seconds}"/>'
            "</lrm_resource></lrm_resources></lrm></node_state></status>"
        )

    cluster.state = "running"
    file = edited(tmp_path, SERVICE)
    cluster.cib = APPLIED.replace("<status/>", operation("-1", 40))
    assert takeover("apply", file) == 1
    assert cluster.writes == []
    assert "monitor of other on node2 was begun 40 s ago" in capsys.readouterr().err
    for harmless in (operation("-1", 3), operation("0", 40)):
        cluster.cib = APPLIED.replace("<status/>", harmless)
        assert takeover("apply", file) == 0


def test_a_change_of_what_is_being_started_is_its_cure(
    cluster: Cluster, takeover: Takeover, tmp_path: Path
) -> None:
    """Who sees that a start hangs corrects it, and need not wait for its end."""
    cluster.state, cluster.cib = BUSY, APPLIED
    cluster.when(PUSH, state="running")
    assert takeover("apply", edited(tmp_path, SERVICE)) == 0
    assert cluster.writes == [PUSH]


@pytest.mark.parametrize("lifted", [True, False])
def test_what_is_unmanaged_is_not_changed_unless_that_ends(
    *, lifted: bool, cluster: Cluster, takeover: Takeover, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Pacemaker would leave the service as it is, and do it all when it is managed again."""
    meta = "[services.shop]\nmaintenance = true\n"
    unmanaged = edited(tmp_path, {"[services.shop]\n": meta})
    cluster.state = told("running").replace('managed="true"', 'managed="false"')
    cluster.cib = to_text(merge(etree.fromstring(LIVE), read_description(unmanaged)))
    file = edited(tmp_path, SERVICE if lifted else SERVICE | {"[services.shop]\n": meta})
    if lifted:
        cluster.when(PUSH, state="running")
    assert takeover("apply", file) == (0 if lifted else 1)
    assert cluster.writes == ([PUSH] if lifted else [])
    assert ("shop is unmanaged" in capsys.readouterr().err) != lifted


@pytest.mark.parametrize("what", ["an apply", "a rollback"])
def test_a_change_of_nothing_but_the_fencing_device_is_let_through(
    what: str, sick: Cluster, takeover: Takeover, tmp_path: Path
) -> None:
    """It is the cure: after it the node is fenced, and everything goes on."""
    file = edited(tmp_path, DEVICE)
    if what == "a rollback":
        sick.state = "running"
        assert takeover("apply", file) == 0
        sick.state = "fencing-refused"
        sick.writes.clear()
    sick.when(PUSH, state="running")
    command = ("apply", file) if what == "an apply" else ("rollback", "--yes")
    assert takeover(*command) == 0
    assert PUSH in sick.writes
    assert any(REFUSED in warning for warning in takeover.warned)


def test_a_change_of_the_device_and_of_a_service_is_no_cure(
    sick: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the device is still not right, the service would be stopped for nothing."""
    assert takeover("apply", edited(tmp_path, DEVICE | SERVICE)) == 1
    assert sick.writes == []
    assert REFUSED in capsys.readouterr().err


@pytest.mark.parametrize(("name", "value"), [
    ("stonith-enabled", "false"), ("stonith-watchdog-timeout", "10"), ("startup-fencing", "false"),
    ("no-quorum-policy", '"ignore"'),
])  # fmt: skip
def test_to_do_without_fencing_is_no_cure(
    *, name: str, value: str, sick: Cluster, takeover: Takeover, tmp_path: Path,
) -> None:  # fmt: skip
    """The service would be started twice, if the node that cannot be fenced still runs it."""
    table = f"[properties]\n{name} = {value}\n\n[services.shop]"
    assert takeover("apply", edited(tmp_path, {"[services.shop]": table})) != 0
    assert sick.writes == []


def test_the_end_of_maintenance_is_its_cure(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The property alone; with a change of a service it is refused."""
    with_property = edited(tmp_path, {
        "[services.shop]": "[properties]\nmaintenance-mode = false\n\n[services.shop]",
    })  # fmt: skip
    cluster.state, cluster.cib = MAINTENANCE, APPLIED
    cluster.when(PUSH, state="running")
    assert takeover("apply", with_property) == 0, capsys.readouterr().err
    assert cluster.writes == [PUSH]


def test_a_cure_that_does_not_help_is_rolled_back(
    sick: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It had time to help; the rollback does not wait as long again for what cannot be."""
    sick.broken["crm_resource --wait"] = _timed_out()
    begin = sick.seconds
    assert takeover("apply", edited(tmp_path, DEVICE)) == 1
    assert configuration(sick.cib) == configuration(APPLIED)
    out = capsys.readouterr().out
    assert out.count("the outlet is locked") == 2, "why, and how it is now"
    assert "the change was rolled back" in out
    # A look takes 10 s here; the last one is for harm to others that has come since.
    assert sick.seconds - begin < 190


def test_even_so_pushes_and_is_not_rolled_back(
    sick: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rollback could not be carried out either: the change stays, and the wait soon ends."""
    sick.broken["crm_resource --wait"] = _timed_out()
    assert takeover("apply", "--even-so", edited(tmp_path, SERVICE)) == 1
    assert sick.writes == [PUSH]
    assert any(REFUSED in warning for warning in takeover.warned)
    out = capsys.readouterr().out
    assert "the change is still in the cluster; to take it back: takeover rollback 1" in out
    assert next(text for text, _ in takeover.awaited if text) == REFUSED
    assert sick.seconds < 120


def test_even_so_is_not_for_a_lack_of_quorum(
    cluster: Cluster, takeover: Takeover, tmp_path: Path
) -> None:
    """The other part of the cluster may have changes of its own."""
    cluster.state, cluster.cib = "no-quorum", APPLIED
    assert takeover("apply", "--even-so", edited(tmp_path, SERVICE)) == 1
    assert cluster.writes == []


def test_a_rollback_is_refused_before_it_asks(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an apply is; with --even-so it is made."""
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", edited(tmp_path, SERVICE)) == 0
    cluster.state = "fencing-refused"
    cluster.writes.clear()
    assert takeover("rollback") == 1
    assert cluster.writes == []
    error = capsys.readouterr().err
    assert REFUSED in error
    assert "roll back?" not in error
    assert takeover("rollback", "--yes", "--even-so") == 1
    assert cluster.writes == [PUSH]
    assert configuration(cluster.cib) == configuration(APPLIED)


def test_the_timers_rollback_is_made_in_any_case(
    cluster: Cluster, takeover: Takeover, tmp_path: Path
) -> None:
    """The change that nobody has confirmed may be what holds the cluster up."""
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", "--confirm", "5m", edited(tmp_path, SERVICE)) == 0
    cluster.state = "fencing-refused"
    assert takeover("rollback", "--unless-confirmed", "1") == 1
    assert configuration(cluster.cib) == configuration(APPLIED)


def test_fencing_that_begins_to_fail_in_the_wait_ends_it(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the wait nor the rollback lasts until its limit of 490 s."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.broken["crm_resource --wait"] = _timed_out()
    cluster.when(PUSH, state="fencing-refused")
    assert takeover("apply", edited(tmp_path, SERVICE)) == 1
    assert cluster.writes == [PUSH, PUSH]
    assert configuration(cluster.cib) == configuration(APPLIED)
    assert cluster.seconds < 200
    assert "the change was rolled back" in capsys.readouterr().out


def test_quorum_that_is_lost_in_the_wait_ends_it_without_a_rollback(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rollback here could win over what the other part of the cluster does meanwhile."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.broken["crm_resource --wait"] = _timed_out()
    cluster.when(PUSH, state="no-quorum")
    assert takeover("apply", edited(tmp_path, SERVICE)) == 1
    assert cluster.writes == [PUSH]
    assert cluster.seconds < 200
    out = capsys.readouterr().out
    assert "the change was not rolled back: no quorum: 1 of 3 nodes online" in out
    assert out.endswith("to try again: takeover rollback 1\n")


def test_a_plan_promises_no_outage_that_it_cannot_know(
    sick: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would take a moment cannot begin before the node was fenced."""
    simulated = FIXTURES.parent / "crm_simulate"
    sick.cib = (FIXTURES / "2.1.xml").read_text()
    sick.scheduled = (
        (simulated / "nothing-2.1.xml").read_text(),
        (simulated / "parameter-2.1.xml").read_text(),
    )
    file = tmp_path / "shop.toml"
    file.write_text((FIXTURES / "shop.toml").read_text().replace('"postgres"', '"pg"'))
    assert takeover("plan", file) == 3
    out = capsys.readouterr().out
    assert out.startswith(f"The cluster cannot carry this out now:\n  {REFUSED}. ")
    assert "shop may not be served until node1 has been fenced, and then for " in out
    assert takeover("plan", "--json", file) == 3
    [obstacle] = json.loads(capsys.readouterr().out)["obstacles"]
    assert (obstacle["code"], obstacle["path"]) == ("fencing-fails", "node1")


def _timed_out() -> Result:
    return Result(124, "", "")
