"""Whether a change did what it should and hurt nobody, and how the waiting for that ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.change.verification import Scope, first_failure, scope_of, verify
from pcs_wrapper.health.lookout import Lookout
from pcs_wrapper.pacemaker import settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FailedAction, Operation, parse_state
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import told
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

OLD = etree.fromstring(LIVE)
NEW = merge(OLD, read_description(EXAMPLE))
CHANGED = scope_of(changed_ids(OLD, NEW), OLD, NEW)
# A change of something else: the service is there before and after.
ELSEWHERE = replace(CHANGED, resources=frozenset({"batch"}))
FAILURE = FailedAction("shop-app", "monitor", "node1", "postgres has ended", "now")


def state(fixture: str) -> ClusterState:
    """Return a state that a fixture tells."""
    return parse_state(etree.fromstring(told(fixture).encode()))


RUNNING = state("running")


def started(number: int) -> ClusterState:
    """Return the running state with the application's start."""
    return replace(RUNNING, starts={("shop-app", "node1"): f"{number} now"})


def moved() -> ClusterState:
    """Return the running state with the service on another node."""
    text = told("running")
    group = text.index("<group")
    text = text[:group] + text[group:].replace('"node1" id="1" cached', '"node3" id="3" cached')
    return parse_state(etree.fromstring(text.encode()))


@pytest.mark.parametrize(
    ("before", "after", "scope", "found", "code"),
    [
        ("cluster-only", RUNNING, CHANGED, {}, ""),
        (RUNNING, started(2), CHANGED, {}, ""),
        (RUNNING, moved(), CHANGED, {}, ""),
        ("cluster-only", "disabled", CHANGED, {}, ""),
        ("start-failed", "start-failed", ELSEWHERE, {}, ""),
        (
            "cluster-only",
            "cluster-only",
            CHANGED,
            {"shop": "Pacemaker does not show it"},
            "service-not-shown",
        ),
        (
            "cluster-only",
            replace(RUNNING, failures=(FAILURE,)),
            CHANGED,
            {"shop": "runs on node1, but monitor of shop-app failed on node1: postgres has ended"},
            "service-failed",
        ),
        (
            "cluster-only",
            RUNNING,
            replace(CHANGED, banned=frozenset({("shop", "node1")})),
            {"shop": "runs on node1, where it may not"},
            "service-on-forbidden-node",
        ),
        (
            RUNNING,
            "fencing-stopped",
            ELSEWHERE,
            {
                "fence-power": "not running — start of fence-power failed on node2: unable to "
                "log in to 203.0.113.2 (when that is repaired: pcs stonith cleanup fence-power)"
            },
            "fencing-not-running",
        ),
        (
            RUNNING,
            "start-failed",
            ELSEWHERE,
            {
                "shop": "ran on node1 before, and is partial now: start of shop-app failed on "
                "node1: database files are incompatible; start of shop-app failed on node2: "
                "Timed Out"
            },
            "other-service-stopped",
        ),
        (
            RUNNING,
            moved(),
            ELSEWHERE,
            {"shop": "was moved from node1 to node3"},
            "other-service-moved",
        ),
        (started(1), started(1), ELSEWHERE, {}, ""),
        (
            started(1),
            started(2),
            ELSEWHERE,
            {"shop": "was restarted (shop-app)"},
            "other-service-restarted",
        ),
        (
            RUNNING,
            replace(RUNNING, failures=(FAILURE,)),
            ELSEWHERE,
            {"shop": "monitor of shop-app failed on node1: postgres has ended"},
            "other-service-failed",
        ),
        (RUNNING, "disabled", ELSEWHERE, {}, ""),
    ],
)
def test_what_is_found(
    before: ClusterState | str,
    after: ClusterState | str,
    scope: Scope,
    found: dict[str, str],
    code: str,
) -> None:
    """Services of the change must run where they may; others must not have noticed it."""
    states = [state(each) if isinstance(each, str) else each for each in (before, after)]
    verdict = verify(states[0], states[1], scope, ("shop",))
    assert {each.path[0]: each.message for each in verdict.findings} == found
    assert {each.code for each in verdict.findings} == ({code} if code else set())
    assert bool(verdict) is not bool(found)


def test_a_node_that_failed_meanwhile_is_not_the_changes_doing() -> None:
    """What moved away from it was not hurt by the change."""
    after = moved()
    nodes = tuple(replace(node, online=node.name != "node1") for node in after.nodes)
    assert verify(RUNNING, replace(after, nodes=nodes), ELSEWHERE, ("shop",))


def test_a_node_that_was_paused_meanwhile_is_not_the_changes_doing() -> None:
    """Somebody else has put it into standby; what moved for another reason is harm."""
    after = moved()
    nodes = tuple(replace(node, standby=node.name == "node1") for node in after.nodes)
    assert verify(RUNNING, replace(after, nodes=nodes), ELSEWHERE, ("shop",))
    before = replace(RUNNING, nodes=nodes)
    assert not verify(before, replace(after, nodes=nodes), ELSEWHERE, ("shop",))


def test_what_no_node_can_run_is_no_harm_of_the_change() -> None:
    """All of its nodes are paused or off; what has failed is harm nevertheless."""
    paused = state("standby")
    assert verify(paused, paused, CHANGED, ("shop",))
    failed = replace(paused, failures=(FAILURE,))
    assert not verify(paused, failed, CHANGED, ("shop",))
    usable = tuple(replace(node, standby=False) for node in paused.nodes)
    assert not verify(paused, replace(paused, nodes=usable), CHANGED, ("shop",))


def test_harm_to_others_is_told_with_its_outage() -> None:
    """Where it was and is, and for how long nobody was served."""
    operations = (
        Operation("shop-app", "node1", "stop", 100.0, 0.5),
        Operation("shop-address", "node3", "start", 103.0, 0.5),
    )
    [found] = verify(
        RUNNING, replace(moved(), operations=operations), ELSEWHERE, ("shop",)
    ).findings
    assert found.message == ("was moved from node1 to node3; it was not served for about 3.5 s")


def test_a_constraint_concerns_what_it_names(tmp_path: Path) -> None:
    """A service may move when its preferences change."""
    file = tmp_path / "cluster.toml"
    text = EXAMPLE.read_text()
    file.write_text(text.replace('["node1", "node2", "node3"]', '["node2", "node3"]'))
    new = merge(NEW, read_description(file))
    scope = scope_of(changed_ids(NEW, new), NEW, new)
    assert scope.resources == {"shop"}
    assert scope.banned == {("shop", "node1")}
    assert scope.outermost["shop-app"] == "shop"


def test_the_first_failure_of_the_change_ends_the_waiting(
    cluster: Cluster, takeover: Takeover
) -> None:
    """What has failed cannot become healthy: there is nothing to wait for."""
    before = state("cluster-only")
    assert first_failure(state("start-failed"), state("start-failed"), CHANGED) == ""
    assert first_failure(before, state("start-failed"), ELSEWHERE) == ""
    cluster.state = "start-failed"
    ended = settling.wait_until_idle(
        takeover.machine, before, 490, give_up=lambda now: first_failure(before, now, CHANGED)
    )
    assert not ended.done
    assert cluster.reads == {"crm_mon": 1}
    assert ended.stopped == ("start of shop-app failed on node1: database files are incompatible")


def test_it_is_told_what_the_waiting_is_for(cluster: Cluster, takeover: Takeover) -> None:
    """What starts and stops where; and what is awaited, in one line that changes."""
    starting = told("running").replace(
        'ocf:takeover:app" role="Started"', 'ocf:takeover:app" role="Starting"'
    )  # fmt: skip
    cluster.state = starting
    cluster.later(starting, "running")
    cluster.when("crm_resource --wait", exit_code=124)
    look = Lookout(takeover.machine)
    assert settling.wait_until_idle(takeover.machine, RUNNING, 490, look=look).done
    assert takeover.progress == [
        " 10.0 s  shop-app: starting on node1",
        " 30.6 s  shop-app: started on node1",
    ]
    assert list(dict.fromkeys(text for text, _ in takeover.awaited)) == [
        "shop-app is being started on node1",
        "Pacemaker is still at work",
        "",
    ]
    assert cluster.calls.count("crm_resource --wait --timeout=3") == 2


def test_the_waiting_has_an_end(cluster: Cluster, takeover: Takeover) -> None:
    """A cluster that is never done is not waited for for ever; a moment's silence is no end."""
    cluster.state = "disconnected"
    cluster.later("start-failed")
    cluster.when("crm_resource --wait", exit_code=124)
    ended = settling.wait_until_idle(takeover.machine, state("start-failed"), 40)
    assert not ended.done
    assert not ended.stopped
    assert cluster.reads == {"crm_mon": 4, "crm_resource": 1}


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [("120s", 90 + 120 + 120), ("2m", 90 + 240), ("2min", 90 + 240), ("500ms", 91), ("9", 108),
     ("soon", 90 + 40), (None, 90 + 40)],
)  # fmt: skip
def test_how_long_to_wait(timeout: str | None, expected: int) -> None:
    """The longest service's stops and starts, however Pacemaker lets a time be written."""
    cib = etree.fromstring(
        "<cib><configuration><resources><primitive id='a'><operations><op name='start'/>"
        "<op name='stop'/></operations></primitive></resources></configuration></cib>"
    )
    for operation in cib.iter("op"):
        if timeout is not None:
            operation.set("timeout", timeout)
    assert settling.timeout_of(cib) == expected


def test_many_resources_get_more_time() -> None:
    """Pacemaker does a few things at a time: 200 services took 276 s on two processors."""

    def limit(services: int) -> int:
        group = "<group id='g{0}'><primitive id='a{0}'/><primitive id='b{0}'/></group>"
        resources = "".join(group.format(number) for number in range(services))
        nodes = "".join(f"<node id='{number}'/>" for number in range(3))
        return settling.timeout_of(etree.fromstring(
            f"<cib><configuration><nodes>{nodes}</nodes><resources>{resources}</resources>"
            "</configuration></cib>"
        ))  # fmt: skip

    assert limit(1) == limit(10) == 90 + 80
    assert limit(200) > 4 * 276
    assert limit(200) == settling.timeout_of(*[etree.fromstring("<cib/>")]) - 90 + 80 + 1200


@pytest.mark.parametrize(("action", "harm"), [("monitor", False), ("stop", True)])
def test_what_is_removed_may_fail_while_it_stops(action: str, harm: bool) -> None:
    """Pacemaker stops it in any order; but what cannot be stopped is left behind."""
    removed = scope_of(changed_ids(NEW, OLD), NEW, OLD)
    after = replace(state("cluster-only"), failures=(replace(FAILURE, action=action),))
    assert bool(first_failure(RUNNING, after, removed)) == harm
    assert bool(verify(RUNNING, after, removed, ())) != harm


def test_of_a_group_that_stays_a_member_is_removed() -> None:
    """Then the failures of the others count."""
    less = etree.fromstring(etree.tostring(NEW))
    [address] = less.xpath("//primitive[@id='shop-address']")
    address.getparent().remove(address)
    scope = scope_of(changed_ids(NEW, less), NEW, less)
    assert scope.removed >= {"shop-address"}
    assert first_failure(RUNNING, replace(RUNNING, failures=(FAILURE,)), scope)
