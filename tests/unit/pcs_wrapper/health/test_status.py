"""`takeover status`: the state is told, and for a service that is down, why."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from lxml import etree

from pcs_wrapper.health import diagnosis
from pcs_wrapper.pacemaker.crm_mon import parse_state
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import told
from tests.unit.pcs_wrapper.conftest import Takeover


@pytest.fixture(autouse=True)
def nothing_is_written(cluster: Cluster) -> Iterator[None]:
    """Whoever asks changes nothing."""
    yield
    assert cluster.writes == []


WHY = [
    ("fencing-refused", "stopped", "waiting for node1 to be fenced; fencing by fence-power failed: "
     "the outlet is locked (3 attempts)"),
    ("fencing-pending", "stopped", "waiting for node1 to be fenced"),
    ("no-quorum", "stopped", "no quorum: 1 of 3 nodes online"),
    ("no-dc", "stopped", "no node has been elected to decide (DC) yet"),
    ("start-failed", "partial", "start of shop-app failed on node1: database files are incompatible"
     "; start of shop-app failed on node2: Timed Out"),
    ("disabled", "stopped", "it is disabled; to start it: pcs resource enable shop"),
    ("standby", "stopped", "no node may run it: node1 is in standby, node2 is in standby, "
     "node3 is in standby"),
    ("banned", "stopped", "no failure is recorded; constraints may keep it off every node that is "
     "online (to see them: pcs constraint location)"),
    ("blocked", "blocked", "stop of shop-filesystem failed on node1: /srv/shop is held by 4242 "
     "(when that is repaired: pcs resource cleanup shop)"),
]  # fmt: skip


@pytest.mark.parametrize(("fixture", "state", "why"), WHY)
def test_a_service_that_is_down_says_why(
    *, fixture: str, state: str, why: str, cluster: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The reason stands in one sentence behind the service's state."""
    cluster.state = fixture
    assert takeover("status") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  shop:"))
    where = " on node3" if fixture == "start-failed" else " on node1" if state == "blocked" else ""
    assert line == f"  shop: {state}{where} — {why}"


@pytest.mark.parametrize("fixture", ["running", "running-3.0"])
def test_pacemaker_2_1_and_3_0_are_read(
    fixture: str, cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The XML of both is understood in the same way."""
    cluster.state = fixture
    assert takeover("status") == 0
    assert capsys.readouterr().out == (
        "cluster: quorum, node2 decides (DC)\n"
        "nodes:\n"
        "  node1  online\n"
        "  node2  online\n"
        "  node3  online\n"
        "services:\n"
        "  shop: running on node1\n"
        "    shop-filesystem (ocf:takeover:filesystem): Started on node1\n"
        "    shop-app (ocf:takeover:app): Started on node1\n"
        "    shop-address (ocf:takeover:ip): Started on node1\n"
        "fencing devices:\n"
        "  fence-power (stonith:fence_apc): Started on node2\n"
    )


def test_what_a_newer_crm_mon_adds_changes_nothing(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#279: its text was parsed, and an upgrade broke it; here no text of it is read."""
    cluster.state = "running"
    assert takeover("status", "--json") == 0
    before = capsys.readouterr().out
    root = etree.fromstring(told("running"))
    root.set("api-version", "99.1")
    for element in list(root.iter(etree.Element)):
        element.set("a-new-attribute", "Stopped")
        etree.SubElement(element, "a-new-element", role="Stopped", online="false")
    cluster.state = etree.tostring(root, encoding="unicode")
    assert takeover("status", "--json") == 0
    assert capsys.readouterr().out == before
    asked = [call for call in cluster.calls if call.startswith("crm_mon")]
    assert asked
    assert all("--output-as=xml" in call for call in asked)


def test_status_asks_no_other_node(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#52, pcs#138, pcs#213: it hung for minutes when a node or pcsd hung.

    Only this node's own daemons are asked, never pcsd; and what hangs here is given up.
    """
    cluster.state = "running"
    assert takeover("status") == 0
    assert not [call for call in cluster.calls if call.startswith("pcs ")]
    begin = cluster.seconds
    cluster.when("crm_mon", hangs=True)
    assert takeover("status") == 1
    assert "did not finish within 30 s" in capsys.readouterr().err
    assert cluster.seconds - begin < 60


def test_fencing_that_is_refused_is_seen_everywhere(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node is UNCLEAN, and each node's failed fencing has its reason and its attempts."""
    cluster.state = "fencing-refused"
    assert takeover("status") == 0
    out = capsys.readouterr().out
    assert "  node1  UNCLEAN (offline)\n" in out
    assert out.endswith(
        "failed fencing:\n  node1: the outlet is locked (3 attempts since it was last fenced, the "
        "last at 2026-11-23 09:59:30Z)\n"
    )


def test_what_is_unmanaged_is_marked(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that runs, but that Pacemaker leaves alone, would not be failed over."""
    part = 'id="shop-app" resource_agent="ocf:takeover:app" role="Started" active="true" '
    part += 'orphaned="false" blocked="false" managed='
    answer = told("running")
    assert f'{part}"true"' in answer
    cluster.state = answer.replace(f'{part}"true"', f'{part}"false"')
    assert takeover("status") == 0
    assert (
        "  shop: running on node1 (unmanaged)\n"
        "    shop-filesystem (ocf:takeover:filesystem): Started on node1\n"
        "    shop-app (ocf:takeover:app): Started on node1 (unmanaged)\n"
    ) in capsys.readouterr().out


LOGIN = (
    "start of fence-power failed on node2: unable to log in to 203.0.113.2 "
    "(when that is repaired: pcs stonith cleanup fence-power)"
)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("", "", LOGIN),
        ('unclean="false"', 'unclean="true"', LOGIN),
        ("<failure ", "<other ",
         "no failure is recorded; to make Pacemaker try again: pcs stonith cleanup fence-power"),
        ('role="Stopped"', 'role="Stopped" target_role="Stopped"',
         "it is disabled; to start it: pcs stonith enable fence-power"),
    ],
)  # fmt: skip
def test_a_fencing_device_that_is_down_says_why(
    *, old: str, new: str, why: str, cluster: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The reason and the cure stand behind the device; it does not wait for fencing itself."""
    answer = told("fencing-stopped").replace(old, new)
    cluster.state = answer
    assert takeover("status") == 0
    assert (
        f"fencing devices:\n  fence-power (stonith:fence_apc): not running — {why}\n"
    ) in capsys.readouterr().out


ENTRIES = [
    "fence_apc[480] stderr: [ unable to log in ]",
    "Operation 'reboot' [480] targeting node3 using fence-power returned 1",
    "fence_apc[481] stderr: [ the outlet is locked ]",
    "Operation 'reboot' [481] targeting node1 using fence-power returned 1",
    "Operation 'reboot' targeting node1 by node3 for pacemaker-controld.413@node3: Error",
    [27, 91, 109],
]


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_a_refusal_without_a_reason_is_explained_from_the_journal(
    version: str,
    cluster: Cluster,
    takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where Pacemaker keeps no reason, the fence agent's words about this node are found."""
    cluster.programs.add("journalctl")
    cluster.state = f"fencing-refused-real-{version}"
    cluster.journal = ENTRIES
    assert takeover("status") == 0
    assert (
        "waiting for node1 to be fenced; fencing by fence-rig failed: the outlet is locked "
        "(4 attempts)"
    ) in capsys.readouterr().out


def test_a_refusal_whose_reason_cannot_be_found_says_where_it_is(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user who may not read the journal gets the command that shows it."""
    cluster.programs.add("journalctl")
    cluster.state = "fencing-refused-real-2.1"
    cluster.when("journalctl", stderr="No journal files were opened", exit_code=1)
    assert takeover("status") == 0
    told = capsys.readouterr().out
    assert (
        "journalctl --identifier=pacemaker-fenced _UID=0 "
        "_SYSTEMD_UNIT=pacemaker.service (4 attempts"
    ) in told


FAILURE = (
    '<failures><failure op_key="shop-app_asyncmon_0" node="node1" exitstatus="error" '
    'exitreason="Simulated failure" exitcode="1" call="20" status="complete" '
    'last-rc-change="{at}" queued="0" exec="0" interval="0" task="asyncmon"/></failures>'
)
KEPT = "takeover-failure-shop-app"
WATCHED = "monitor of shop-app failed on node1: postgres (638) has ended"
UNKNOWN = "asyncmon of shop-app failed on node1: Simulated failure"


def _told(at: str) -> str:
    answer = told("running")
    return answer.replace("</resources>", "</resources>" + FAILURE.format(at=at))


@pytest.mark.parametrize(
    ("at", "value", "host", "shown"),
    [
        ("2026-11-24 15:47:31Z", "1795535251 postgres (638) has ended", "node1", WATCHED),
        ("2026-11-24 16:47:35 +01:00", "1795535251 postgres (638) has ended", "node1", WATCHED),
        ("2026-11-24 15:57:31Z", "1795535251 postgres (638) has ended", "node1", UNKNOWN),
        ("2026-11-24 15:47:11Z", "1795535251 postgres (638) has ended", "node1", UNKNOWN),
        ("2026-11-24 15:47:31Z", "1795535251 postgres (9) has ended", "node2", UNKNOWN),
        ("2026-11-24 15:47:31Z", "postgres (638) has ended", "node1", UNKNOWN),
        ("just now", "1795535251 postgres (638) has ended", "node1", UNKNOWN),
    ],
)
def test_what_the_watcher_told_is_shown_with_its_reason(
    *, at: str, value: str, host: str, shown: str, cluster: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Instead of Pacemaker's "Simulated failure"; but not for one that somebody else told."""
    cluster.programs.add("attrd_updater")
    cluster.state = _told(at)
    cluster.attributes[KEPT, host] = value
    assert takeover("status") == 0
    assert capsys.readouterr().out.endswith(f"failed actions:\n  {shown} ({at})\n")


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (78, "<pacemaker-result><status code='78'><errors><error>attribute does not exist</error>"
             "</errors></status></pacemaker-result>"),
        (102, ""),
        (4, "no XML"),
    ],
)  # fmt: skip
def test_a_reason_that_cannot_be_had_is_pacemakers(
    code: int, answer: str, cluster: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """After a restart of the cluster, or for a user who may not ask."""
    cluster.programs.add("attrd_updater")
    cluster.state = _told("2026-11-24 15:47:31Z")
    cluster.when("attrd_updater --query", stdout=answer, exit_code=code)
    assert takeover("status") == 0
    assert UNKNOWN in capsys.readouterr().out


def test_a_reason_of_the_watcher_is_data_too(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs get the same action and reason, and when that was."""
    cluster.programs.add("attrd_updater")
    cluster.state = _told("2026-11-24 15:47:31Z")
    cluster.attributes[KEPT, "node1"] = "1795535251 it has ended"
    assert takeover("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["failures"] == [
        {"resource": "shop-app", "action": "monitor", "node": "node1", "reason": "it has ended",
         "at": "2026-11-24 15:47:31Z"}
    ]  # fmt: skip


def test_attempts_before_a_success_do_not_count() -> None:
    """A node that has been fenced since is not failed any more."""
    root = etree.fromstring(told("fencing-refused").encode())
    for event in root.findall("fence_history/fence_event")[:3]:
        event.set("target", "node3")
    state = parse_state(root)
    assert diagnosis.failed_fencing(state) == {
        "node3": diagnosis.FailedFencing("the outlet is locked", 3, "2026-11-23 09:59:30Z")
    }


def test_a_node_that_was_removed_is_not_waited_for() -> None:
    """A remote node, say, whose connection was taken away: its fencing failed, and is over."""
    root = etree.fromstring(told("fencing-refused").encode())
    [node] = root.iterfind("nodes/node[@name='node1']")
    node.getparent().remove(node)  # type: ignore[union-attr]
    assert diagnosis.failed_fencing(parse_state(root)) == {}


def test_json_has_all_of_it(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs get the same facts as data."""
    cluster.state = "fencing-refused"
    assert takeover("status", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["quorum"] is True
    assert data["nodes"][0]["unclean"] is True
    assert data["services"][0]["state"] == "stopped"
    assert data["services"][0]["why"].startswith("waiting for node1")
    assert data["failed_fencing"] == [
        {
            **{"node": "node1", "reason": "the outlet is locked", "attempts": 3},
            "at": "2026-11-23 09:59:30Z",
        }
    ]


def test_no_cluster_running_is_exit_code_4(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine on which no cluster runs gets a sentence and the cure."""
    takeover.machine.corosync_conf.touch()
    cluster.state = "disconnected"
    assert takeover("status") == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "no cluster runs on this machine (crm_mon: Connection to cluster failed: Connection "
        "refused); to start it: takeover cluster start\n"
    )


def test_before_there_is_a_cluster_the_way_to_one_is_told(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine without Corosync's configuration has nothing that could be started."""
    cluster.state = "disconnected"
    assert takeover("status") == 4
    assert capsys.readouterr().err == (
        "this machine is not in a cluster yet; to create one: takeover cluster create FILE\n"
    )


def test_a_user_who_may_not_ask_is_told_who_may(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pacemaker answers root and the group haclient only."""
    cluster.state = "running"
    cluster.when("crm_mon", stderr="crm_mon: Permission denied", exit_code=4)
    assert takeover("status") == 1
    assert capsys.readouterr().err.endswith(
        "  crm_mon: Permission denied\nRun it as root, or as a member of the group haclient\n"
    )


@pytest.mark.parametrize("quote", ["&quot;", "&amp;quot;"])
def test_a_reason_is_told_once_with_all_nodes(
    quote: str, cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What fails everywhere alike is one line; Pacemaker 3.0's double escapes are undone."""
    answer = told("start-failed")
    answer = answer.replace('exitreason=""', 'exitreason="database files are incompatible"')
    answer = answer.replace("database files", f"{quote}data{quote} files")
    cluster.state = answer
    assert takeover("status") == 0
    assert capsys.readouterr().out.endswith(
        "failed actions:\n"
        '  start of shop-app failed on node1, node2: "data" files are incompatible '
        "(2026-11-23 09:59:50Z)\n"
    )


def test_a_cluster_that_is_starting_is_exit_code_4(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """While Pacemaker starts, crm_mon has no state to tell."""
    answer = '<pacemaker-result><pacemakerd state="starting_daemons"/></pacemaker-result>'
    cluster.state = answer
    assert takeover("status") == 4
    assert "starting" in capsys.readouterr().err


def test_a_crm_mon_that_fails_is_shown(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any other failure is told with the command and its output."""
    cluster.state = "running"
    cluster.when("crm_mon", stderr="out of memory", exit_code=71)
    assert takeover("status") == 1
    assert capsys.readouterr().err.splitlines()[1:] == ["  out of memory"]
