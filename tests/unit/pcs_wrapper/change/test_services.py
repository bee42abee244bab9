"""`takeover service`: one service is moved, stopped, started, restarted, pinned, left alone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.administration.placement import placements
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.change.services.passing import look
from pcs_wrapper.machine.machine import Machine
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, configuration, told
from tests.unit.pcs_wrapper.conftest import Takeover

PARTS = ("shop-filesystem", "shop-app", "shop-address")
NOTHING = "<pacemaker-result><actions/></pacemaker-result>"
ON_NODE2 = told("running").replace('name="node1" id="1" cached', 'name="node2" id="2" cached')
# When the tests' machine thinks that it is, and the longest time of a move.
NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def scheduled(*actions: str) -> str:
    """Return what the scheduler says: actions as `move shop-app node1 node2`."""
    elements = []
    for action in actions:
        kind, resource, source, *dest = action.split()
        place = f'source="{source}" dest="{dest[0]}"' if dest else f'node="{source}"'
        elements.append(f'<rsc_action action="{kind}" resource="{resource}" {place}/>')
    return f"<pacemaker-result><actions>{''.join(elements)}</actions></pacemaker-result>"


MOVED = scheduled(*(f"move {part} node1 node2" for part in PARTS))
STOPPED = scheduled(*(f"stop {part} node1" for part in PARTS))


def did(state: str, *operations: tuple[str, str, str, int, int]) -> str:
    """Return a state with operations: resource, node, task, when it began, and its milliseconds."""
    nodes: dict[str, list[str]] = {}
    for resource, node, task, at, took in operations:
        began = datetime.fromtimestamp(at, UTC).isoformat(sep=" ")
        nodes.setdefault(node, []).append(
            f'<resource_history id="{resource}"><operation_history call="{at % 1000}" '
            f'task="{task}" last-rc-change="{began}" exec-time="{took}ms"/></resource_history>'
        )
    history = "".join(
        f'<node name="{node}">{"".join(found)}</node>' for node, found in nodes.items()
    )
    return state.replace("<status code", f"<node_history>{history}</node_history><status code")


@pytest.fixture
def shop(cluster: Cluster, live: str) -> Cluster:
    """Return a cluster that runs the service on node1, and whose scheduler would move it."""
    cluster.cib, cluster.state = live, "running"
    cluster.scheduled = (NOTHING, MOVED)
    return cluster


def newest(takeover: Takeover) -> Checkpoint:
    """Return the newest checkpoint."""
    return Checkpoints(takeover.machine.state).all()[0]


def placed(cluster: Cluster) -> list[str]:
    """Return the IDs of the constraints that administrators have made."""
    ids = etree.fromstring(cluster.cib).xpath("//rsc_location/@id")
    return [str(each) for each in ids if str(each).startswith("cli-")]


def meta(cluster: Cluster, resource: str) -> dict[str, str]:
    """Return the meta attributes of a resource but for Takeover's marks, whatever their sets."""
    path = f"//*[@id='{resource}']/meta_attributes/nvpair"
    pairs = {
        str(each.get("name")): str(each.get("value"))
        for each in etree.fromstring(cluster.cib).xpath(path)
    }
    names = ("target-role", "is-managed", "maintenance")
    return {name: value for name, value in pairs.items() if name in names}


def test_move(shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """The outage is said before, measured after, and the constraint is gone."""
    before = configuration(shop.cib)
    at = 1_800_000_000
    history = (
        ("shop-address", "node1", "stop", at, 40),
        ("shop-app", "node1", "stop", at, 100),
        ("shop-app", "node2", "start", at + 2, 290),
        ("shop-address", "node2", "start", at + 2, 60),
    )
    shop.when(PUSH, state=did(ON_NODE2, *history))
    shop.when(PUSH)
    assert takeover("service", "move", "shop", "node2", "-m", "more memory") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "shop: running on node2",
        "clients were not served for about 2.3 s",
    ]
    assert err.splitlines() == [
        "move: shop from node1 to node2",
        "  shop moves from node1 to node2",
        "clients of shop are not served for about 1.1 s (data 0.4, application 0.5, address 0.1; "
        "measured; at most 470 s)",
    ]
    assert shop.writes == [PUSH, PUSH]
    [first, _] = shop.pushes
    assert 'id="cli-prefer-shop"' in first.after
    assert configuration(shop.cib) == before
    checkpoint = newest(takeover)
    assert (checkpoint.command, checkpoint.state) == ("service move", "applied")
    assert checkpoint.message == "shop from node1 to node2: more memory"
    assert takeover("history") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "1  2026-11-24T20:00:00+00:00  alice on node1  service move: applied (epoch 9 to 10): shop "
        "from node1 to node2: more memory",
        "    created: cli-prefer-shop",
        "    nothing of it is left in the configuration",
    ]


def test_the_constraint_of_a_move_ends_by_itself(shop: Cluster, takeover: Takeover) -> None:
    """pcs#697: whatever becomes of the command, nothing sends the service back a week later.

    Nor after a cleanup (os-autoinst-distri-opensuse#25656).
    """
    shop.when(PUSH, state=ON_NODE2)
    assert takeover("service", "move", "shop", "node2") == 0
    constraint = etree.fromstring(shop.pushes[0].after).find(
        ".//rsc_location[@id='cli-prefer-shop']"
    )
    assert constraint is not None
    [end] = constraint.iter("date_expression")
    until = datetime.fromisoformat(str(end.get("end"))) - NOW
    assert timedelta(minutes=5) < until < timedelta(minutes=30)
    assert [each.get("value") for each in constraint.iter("expression")] == ["node2"]
    assert constraint.get("node") is None


def test_a_move_that_fails_leaves_no_constraint(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#697: the service does not start there, goes back, and it is said why."""
    failure = re.search(r'<failure [^>]*node="node2"[^>]*/>', told("start-failed"))
    assert failure is not None
    failures = f"<failures>{failure[0]}</failures><status"
    on_its_way = told("start-failed").replace("node1", "node2")
    went_back = told("running").replace("<status", failures)
    shop.when(PUSH, state=on_its_way)
    shop.when(PUSH, then=lambda: shop.later(went_back))
    assert takeover("service", "move", "shop", "node2") == 1
    assert placed(shop) == []
    assert shop.writes == [PUSH, PUSH]
    assert capsys.readouterr().out.splitlines() == [
        "it is not as it should be:",
        "  shop: runs on node1, not on node2: start of shop-app failed on node2: Timed Out",
    ]


def test_a_move_against_an_order_inside_the_group_is_refused_in_words(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#509: not "an invalid transition was produced"; the constraint to take out is named."""
    order = '<rsc_order id="mine" first="shop-address" then="shop-filesystem"/>'
    shop.edit("</constraints>", f"{order}</constraints>")
    assert takeover("service", "move", "shop", "node2") == 1
    said = capsys.readouterr().err
    assert (
        "the constraint mine starts shop-address before shop-filesystem, and the group shop starts "
        "shop-filesystem first"
    ) in said
    assert "pcs constraint delete mine" in said
    assert shop.writes == []
    assert takeover("status") == 0
    assert "pcs constraint delete mine" in capsys.readouterr().out
    shop.edit(order, "")
    shop.when(PUSH, state=ON_NODE2)
    assert takeover("service", "move", "shop", "node2") == 0


def test_a_move_that_is_interrupted_leaves_no_constraint(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#697: also if somebody has lost patience."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    def then() -> None:
        shop.when("crm_mon", before=interrupt)

    shop.when(PUSH, then=then)
    assert takeover("service", "move", "shop", "node2") == 130
    assert placed(shop) == []
    assert "nothing of it stays in the configuration" in capsys.readouterr().err
    assert newest(takeover).state == "applied"
    assert "nothing of it is left" in newest(takeover).note


def killed(shop: Cluster, takeover: Takeover) -> None:
    """Let a move be killed after its first push."""
    shop.when(PUSH, then=lambda: shop.when("crm_mon", before=_killed))
    with pytest.raises(SystemExit):
        takeover("service", "move", "shop", "node2")
    assert placed(shop) == ["cli-prefer-shop"]


def _killed() -> None:
    raise SystemExit


@pytest.mark.parametrize("command", [("service", "stop", "shop"), ("apply",)])
def test_the_next_command_takes_out_what_a_killed_move_has_left(
    command: tuple[str, ...], shop: Cluster, takeover: Takeover, description: Path
) -> None:
    """os-autoinst#25656: no left-over constraint sends the service somewhere after a cleanup."""
    killed(shop, takeover)
    shop.state = ON_NODE2
    arguments = (*command, str(description)) if command == ("apply",) else command
    if command == ("apply",):
        shop.scheduled = None
    else:
        shop.when(PUSH)
        shop.when(PUSH, state="disabled")
    assert takeover(*arguments) == 0
    assert placed(shop) == []
    assert any(
        "service move" in sentence and "interrupted" in sentence for sentence in takeover.warned
    )


@pytest.mark.parametrize(
    "command", [("rollback", "--yes"), ("node", "pause", "node3"), ("node", "resume", "node3")]
)
def test_so_do_commands_about_nodes_and_rollbacks(
    command: tuple[str, ...], shop: Cluster, takeover: Takeover, description: Path
) -> None:
    """What they find out about the cluster is then true without what is there for a while."""
    assert takeover("apply", str(description)) in (0, 1)
    killed(shop, takeover)
    shop.scheduled = (NOTHING, NOTHING)
    takeover(*command)
    assert placed(shop) == []
    assert any("was interrupted, and has left something" in each for each in takeover.warned)


def test_status_tells_of_a_killed_move(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """As long as the constraint holds; afterwards it does nothing any more."""
    killed(shop, takeover)
    assert takeover("status") == 0
    assert "warning: shop: it is held on node2 until 20:" in capsys.readouterr().out


def test_a_move_on_another_node_is_waited_for(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its constraint is not taken out under its feet; when its time is over, it is."""
    killed(shop, takeover)
    machine = takeover.machine
    other = Takeover(_as(machine, "node3"), [], [], [])
    assert other("service", "stop", "shop") == 1
    assert "`service move` of alice on node1 holds shop on node2" in capsys.readouterr().err
    assert placed(shop) == ["cli-prefer-shop"]
    late = Takeover(_as(machine, "node3", NOW + timedelta(hours=1)), [], [], [])
    shop.when(PUSH)
    shop.when(PUSH, state="disabled")
    assert late("service", "stop", "shop") == 0
    assert placed(shop) == []


def _as(machine: Machine, host: str, now: datetime = NOW) -> Machine:
    return replace(machine, host=host, now=lambda: now, state=machine.state.parent / host)


def test_what_an_administrator_has_moved_for_a_while_stays(
    shop: Cluster, takeover: Takeover
) -> None:
    """`crm_resource --move --lifetime` makes the same constraint: it is not Takeover's."""
    shop.when(PUSH, state=ON_NODE2)
    assert takeover("service", "move", "shop", "node2") == 0
    again = re.search(
        r'(?s)<rsc_location id="cli-prefer-shop".*?</rsc_location>', shop.pushes[0].after
    )
    assert again is not None
    constraint = again[0].replace("2026-11-24", "2026-11-25")
    shop.cib = shop.cib.replace("</constraints>", f"{constraint}</constraints>")
    shop.scheduled = (NOTHING, STOPPED)
    shop.when(PUSH, state="disabled")
    assert takeover("service", "stop", "shop") == 0
    assert placed(shop) == ["cli-prefer-shop"]


CANNOT: list[tuple[str, Sequence[str], dict[str, str], str]] = [
    ("to a node in standby", ("node1",), {"state": "standby"}, "is stopped"),
    ("to nowhere", ("node9",), {}, "there is no node 'node9'; the nodes are: node1, node2, node3"),
    (
        "where it may not run",
        ("node2",),
        {"ban": '<rsc_location id="shop-avoids-node2" rsc="shop" node="node2" score="-INFINITY"/>'},
        "shop cannot be moved to node2: the constraint shop-avoids-node2 keeps it off node2",
    ),
    (
        "while it is pinned",
        ("node2",),
        {"ban": '<rsc_location id="cli-prefer-shop" rsc="shop" node="node1" score="INFINITY"/>'},
        "shop is pinned to node1 (cli-prefer-shop). To end that: takeover service unpin shop",
    ),
    (
        "where Pacemaker would not start it",
        ("node2",),
        {"scheduled": NOTHING},
        "shop cannot be moved to node2: Pacemaker would not run it there",
    ),
    ("what does not run", ("node2",), {"state": "disabled"}, "shop is stopped: it is disabled"),
    (
        "where it would not stay",
        ("node2",),
        {"later": scheduled("move shop-app node2 node1")},
        "shop would go back to node1 as soon as nothing holds it on node2",
    ),
    (
        "while a node must be fenced",
        ("node2",),
        {"state": "fencing-pending"},
        "shop is stopped: waiting for node1 to be fenced",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("case", "arguments", "given", "reason"), CANNOT)
def test_a_move_that_cannot_be_is_refused(
    case: str, arguments: Sequence[str], *, given: dict[str, str], reason: str, shop: Cluster,
    takeover: Takeover, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """With the reason, and nothing is changed."""
    del case
    if "ban" in given:
        shop.cib = shop.cib.replace("</constraints>", f"{given['ban']}</constraints>")
    shop.state = given.get("state", "running")
    shop.scheduled = (NOTHING, given.get("scheduled", MOVED))
    shop.scheduled_later = given.get("later", "")
    assert takeover("service", "move", "shop", *arguments) in {1, 2}
    assert reason in capsys.readouterr().err
    assert shop.writes == []


def test_pacemaker_chooses_where_to(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#696: `move` without a node asks the scheduler where else the service can run."""
    shop.when(PUSH, state=ON_NODE2)
    assert takeover("service", "move", "shop") == 0
    assert capsys.readouterr().out.startswith("shop: running on node2\n")
    assert 'value="node2"' in shop.pushes[0].after


def test_what_runs_there_already_is_not_moved(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is written."""
    assert takeover("service", "move", "shop", "node1") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "shop already runs on node1: there is nothing to do"
    assert shop.writes == []


def test_while_a_change_waits_to_be_confirmed(
    shop: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lasting change would keep its timer from taking it back; a move leaves nothing."""
    description.write_text(description.read_text().replace('user = "postgres"', 'user = "pg"'))
    shop.when(PUSH)
    assert takeover("apply", "--confirm", "5m", description) == 0
    shop.scheduled = (NOTHING, STOPPED)
    shop.writes.clear()
    assert takeover("service", "stop", "shop") == 1
    assert "or make this change all the same: --yes" in capsys.readouterr().err
    assert shop.writes == []
    shop.scheduled = (NOTHING, MOVED)
    shop.when(PUSH, state=ON_NODE2)
    assert takeover("service", "move", "shop", "node2") == 0


def test_what_would_hurt_another_service_is_refused(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless somebody agrees to it."""
    site = (
        '<resource id="site" resource_agent="ocf:heartbeat:Dummy" role="Started" active="true" '
        'managed="true" failed="false" blocked="false"><node name="node2"/></resource></resources>'
    )
    shop.state = told("running").replace("</resources>", site)
    moves = [f"move {part} node1 node2" for part in PARTS]
    shop.scheduled = (NOTHING, scheduled(*moves, "move site node2 node3"))
    assert takeover("service", "move", "shop", "node2") == 1
    assert "site moves with it, from node2 to node3\n" in capsys.readouterr().err
    assert shop.writes == []
    shop.when(PUSH, state=ON_NODE2.replace("</resources>", site.replace("node2", "node3")))
    assert takeover("service", "move", "shop", "node2", "--yes") == 0


def test_dry_run_of_a_move(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The steps are shown, and nothing is changed."""
    assert takeover("service", "move", "shop", "node2", "--dry-run", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["what"] for each in found["steps"]][2].startswith(
        "moving shop from node1 to node2"
    )
    assert found["expected"]["total"]["source"] == "measured"
    assert {each["kind"] for each in found["actions"]} == {"move"}
    assert shop.writes == []


def test_stop_and_start(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stop has set, start takes away, and history knows of both."""
    before = configuration(shop.cib)
    shop.scheduled = (NOTHING, STOPPED)
    shop.when(PUSH, state="disabled")
    assert takeover("service", "stop", "shop") == 0
    out, err = capsys.readouterr()
    assert out.startswith("shop: stopped — it is disabled")
    assert err.splitlines()[-1] == "clients of shop are not served from then on"
    assert meta(shop, "shop") == {"target-role": "Stopped"}
    assert newest(takeover).command == "service stop"
    shop.scheduled = (NOTHING, NOTHING)
    shop.when(PUSH, state="running")
    assert takeover("service", "start", "shop") == 0
    assert capsys.readouterr().out == "shop: running on node1\n"
    assert configuration(shop.cib) == before
    assert takeover("service", "start", "shop") == 0
    assert "runs already" in capsys.readouterr().out


def test_a_stop_can_be_rolled_back(shop: Cluster, takeover: Takeover) -> None:
    """It is the last change, also if an apply was before."""
    before = configuration(shop.cib)
    shop.scheduled = (NOTHING, STOPPED)
    shop.when(PUSH, state="disabled")
    assert takeover("service", "stop", "shop") == 0
    shop.when(PUSH, state="running")
    assert takeover("rollback", "--yes") == 0
    assert configuration(shop.cib) == before


def test_a_move_cannot_be_rolled_back(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing of it left; and it is not what `rollback` takes back."""
    shop.when(PUSH, state=ON_NODE2)
    assert takeover("service", "move", "shop", "node2") == 0
    capsys.readouterr()
    assert takeover("rollback", "--yes", "1") == 1
    assert "has left nothing in the configuration" in capsys.readouterr().err
    assert takeover("rollback", "--yes") == 1
    assert "there is nothing to roll back" in capsys.readouterr().err


def test_start_proves_that_it_runs_or_says_why_not(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#18: start, and "nothing happens"; pcs#57: a cleanup that "does nothing".

    The failures are cleared, and it is proven that the service runs, or said why it does not.
    """
    shop.state = "start-failed"
    shop.when("pcs resource cleanup", state="running")
    assert takeover("service", "start", "shop") == 0
    assert shop.writes == ["pcs resource cleanup shop"]
    assert capsys.readouterr().out == "shop: running on node1\n"
    shop.state = "start-failed"
    assert takeover("service", "start", "shop") == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("  shop: partial — start of shop-app")


def test_restart(shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """It is stopped for a while only, so that a killed restart ends by itself."""
    before = configuration(shop.cib)
    at = 1_800_000_000
    stops = did(told("disabled"), ("shop-app", "node1", "stop", at, 300))
    starts = did(told("running"), ("shop-app", "node1", "start", at + 1, 500))
    shop.scheduled = (NOTHING, STOPPED)
    shop.when(PUSH, state=stops)
    shop.when(PUSH, state=starts)
    assert takeover("service", "restart", "shop") == 0
    assert capsys.readouterr().out.splitlines() == [
        "shop: running on node1",
        "clients were not served for about 1.5 s",
    ]
    stopped = etree.fromstring(shop.pushes[0].after)
    [rule] = stopped.xpath("//group[@id='shop']/meta_attributes/rule")
    assert rule.find("date_expression").get("end").startswith("2026-11-24 20:")
    # What has stopped is not kept by its stickiness: it would start on the node it prefers.
    again = etree.fromstring(shop.pushes[1].after)
    assert again.xpath("//group[@id='shop']/meta_attributes/rule") == []
    assert again.xpath("//rsc_location[@id='cli-prefer-shop']//expression/@value") == ["node1"]
    assert configuration(shop.cib) == before
    assert newest(takeover).command == "service restart"


def test_a_restart_that_is_interrupted_starts_it_again(shop: Cluster, takeover: Takeover) -> None:
    """On its node: it is let go only afterwards."""
    before = configuration(shop.cib)
    shop.scheduled = (NOTHING, STOPPED)

    def interrupt() -> None:
        raise KeyboardInterrupt

    shop.when(PUSH, state="disabled", then=lambda: shop.when("crm_mon", before=interrupt))
    assert takeover("service", "restart", "shop") == 130
    assert [("cli-prefer-shop" in push.after, "for-a-while" in push.after) for push in shop.pushes][
        :2
    ] == [(True, True), (True, False)]
    assert configuration(shop.cib) == before


def test_a_restart_that_is_not_pushed_leaves_nothing(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does what ends a restart put anything into the configuration."""
    before = configuration(shop.cib)
    shop.scheduled = (NOTHING, STOPPED)
    shop.when(PUSH, exit_code=1, stderr="ill")
    assert takeover("service", "restart", "shop") == 1
    assert "ill" in capsys.readouterr().err
    assert configuration(shop.cib) == before
    assert shop.writes == [PUSH]
    assert newest(takeover).state == "failed"


def test_the_next_command_ends_a_killed_restart(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is started, while it is still held on its node; until then status tells of it."""
    before = configuration(shop.cib)
    shop.scheduled = (NOTHING, STOPPED)

    def kill() -> None:
        shop.when("crm_mon", before=_killed)

    shop.when(PUSH, state="disabled", then=kill)
    with pytest.raises(SystemExit):
        takeover("service", "restart", "shop")
    assert takeover("status") == 0
    told_ = capsys.readouterr().out
    assert "warning: shop: it, or a part of it, is stopped or started for a restart" in told_
    shop.when(PUSH, state="running")
    assert takeover("service", "start", "shop") == 0
    assert 'id="cli-prefer-shop"' in shop.pushes[1].after
    assert configuration(shop.cib) == before
    assert capsys.readouterr().out.startswith("shop runs already: there is nothing to do")


def test_restart_of_a_part_while_it_is_unmanaged(shop: Cluster, takeover: Takeover) -> None:
    """pcs#233: one command, and afterwards it is unmanaged as before."""
    unmanaged = '<nvpair id="u" name="is-managed" value="false"/></meta_attributes>'
    [[place]] = [
        re.findall(r'name="takeover" value="services.shop.app"/>\s*</meta_attributes>', shop.cib)
    ]
    shop.cib = shop.cib.replace(place, place.replace("</meta_attributes>", unmanaged))
    before = configuration(shop.cib)
    running = _unmanaged(told("running"))
    shop.state = running
    off = re.sub(
        r'(?s)(<resource id="shop-app"[^>]*role=")Started("[^>]*)>.*?</resource>',
        r"\1Stopped\2/>",
        running,
    )
    shop.scheduled = (NOTHING, scheduled("stop shop-app node1", "stop shop-address node1"))
    shop.when(PUSH, state=off)
    shop.when(PUSH, state=running)
    shop.when(PUSH)
    assert takeover("service", "restart", "shop", "--part", "app") == 0
    first, second, _ = (
        {str(pair.get("name")): pair.get("value") for pair in etree.fromstring(push.after).xpath(
            "//primitive[@id='shop-app']/meta_attributes[rule]/nvpair")}
        for push in shop.pushes
    )  # fmt: skip
    assert first == {"target-role": "Stopped", "is-managed": "true", "maintenance": "false"}
    assert second == first | {"target-role": "Started"}
    assert configuration(shop.cib) == before


def _unmanaged(state: str) -> str:
    return re.sub(r'(<resource id="shop-app"[^>]*)managed="true"', r'\1managed="false"', state)


def test_a_service_on_several_nodes(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can be restarted wherever it runs; there is no node to move it to."""
    shop.state = "everywhere"
    clone = (
        '<clone id="front"><group id="front-group"><primitive id="front-app" class="ocf" '
        'provider="takeover" type="app"/></group></clone></resources>'
    )
    shop.cib = shop.cib.replace("</resources>", clone)
    assert takeover("service", "move", "front") == 1
    assert "front runs on several nodes at once: there is no move" in capsys.readouterr().err
    shop.scheduled = (NOTHING, NOTHING)
    off = re.sub(
        r'role="Started"([^>]*)>\s*<node [^>]*/>', r'role="Stopped"\1>', told("everywhere")
    )
    shop.when(PUSH, state=off)
    shop.when(PUSH, state="everywhere")
    assert takeover("service", "restart", "front") == 0


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("ap", "shop has no part 'ap'. Did you mean 'app'?"),
        ("shop-disk", "shop has no part 'shop-disk'"),
    ],
)
def test_a_part_that_is_not_there(
    part: str, reason: str, shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said what there is."""
    assert takeover("service", "stop", "shop", "--part", part) == 2
    assert reason in capsys.readouterr().err
    assert shop.writes == []


def test_a_service_that_is_not_there(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same."""
    assert takeover("service", "move", "shopp") == 2
    assert "there is no service 'shopp'. Did you mean 'shop'?" in capsys.readouterr().err
    assert shop.writes == []


def test_pins_and_bans_are_shown_and_left_alone(
    shop: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By status, and by an apply, which warns; pcs can end them, as they are its own."""
    shop.when(PUSH, state=ON_NODE2)
    assert takeover("service", "pin", "shop", "node2") == 0
    shop.scheduled = (NOTHING, NOTHING)
    assert takeover("service", "ban", "shop", "node3") == 0
    assert placed(shop) == ["cli-prefer-shop", "cli-ban-shop-on-node3"]
    capsys.readouterr()
    assert takeover("status") == 0
    told_ = capsys.readouterr().out
    assert (
        "warning: shop: it is pinned to node2 (To end that: takeover service unpin shop)" in told_
    )
    assert "shop: it is banned from node3, which cannot take it over" in told_
    takeover.warned.clear()
    assert takeover("apply", str(description)) == 0
    assert any("it is pinned to node2" in each for each in takeover.warned)
    assert len(placed(shop)) == 2
    assert takeover("service", "unpin", "shop") == 0
    assert placed(shop) == []


def test_a_pin_replaces_the_one_before(shop: Cluster, takeover: Takeover) -> None:
    """And ends the ban of its node."""
    shop.scheduled = (NOTHING, NOTHING)
    for command in (("ban", "shop", "node2"), ("pin", "shop", "node1"), ("pin", "shop", "node2")):
        assert takeover("service", *command) == 0
    assert placed(shop) == ["cli-prefer-shop"]
    assert 'node="node2" score="INFINITY"' in shop.cib


def test_a_ban_that_leaves_no_node_is_refused(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless that is meant."""
    shop.scheduled = (NOTHING, STOPPED)
    assert takeover("service", "ban", "shop", "node1") == 1
    assert "shop-filesystem, shop-app, shop-address would stop, and run nowhere" in (
        capsys.readouterr().err
    )
    assert shop.writes == []


def test_maintenance(shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the resource's own, so that no restart of a node ends it (crmsh#2147)."""
    before = configuration(shop.cib)
    shop.scheduled = (NOTHING, NOTHING)
    alone = told("running").replace('managed="true"', 'managed="false"')
    shop.when(PUSH, state=alone)
    assert takeover("service", "maintenance", "on", "shop") == 0
    assert meta(shop, "shop") == {"maintenance": "true"}
    assert capsys.readouterr().out == "shop: running on node1 (unmanaged)\n"
    assert takeover("status") == 0
    assert "takeover service maintenance off shop" not in capsys.readouterr().err
    shop.when(PUSH, state="running")
    assert takeover("service", "maintenance", "off", "shop") == 0
    assert configuration(shop.cib) == before


@pytest.mark.parametrize("target", [(), ("node2",)])
def test_what_is_in_maintenance_is_not_moved(
    target: tuple[str, ...],
    shop: Cluster,
    takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """That is the reason, not that Pacemaker has chosen no node."""
    shop.state = told("running").replace('managed="true"', 'managed="false"')
    shop.scheduled = (NOTHING, NOTHING)
    assert takeover("service", "move", "shop", *target) == 1
    said = capsys.readouterr().err
    assert "shop is unmanaged, so Pacemaker leaves it alone" in said
    assert "chosen" not in said
    assert shop.writes == []


def test_maintenance_off_also_ends_what_pcs_has_begun(shop: Cluster, takeover: Takeover) -> None:
    """`pcs resource unmanage` writes it into every part."""
    before = configuration(shop.cib)
    shop.scheduled = (NOTHING, NOTHING)
    unmanaged = '<nvpair id="{}" name="is-managed" value="false"/></meta_attributes>'
    for part in PARTS:
        mark = f'value="services.shop.{part.removeprefix("shop-")}"/>'
        at = shop.cib.index("</meta_attributes>", shop.cib.index(mark))
        shop.cib = shop.cib[:at] + unmanaged.format(part + "-u") + shop.cib[at + 18 :]
    shop.state = told("running").replace('managed="true"', 'managed="false"')
    shop.when(PUSH, state="running")
    assert takeover("service", "maintenance", "off", "shop") == 0
    assert configuration(shop.cib) == before


def test_what_the_description_says_is_set_otherwise_not_removed(
    shop: Cluster, takeover: Takeover
) -> None:
    """A service that its description disables is started; drift then tells the difference."""
    group = '<group id="shop">'
    pairs = (
        '<meta_attributes id="m"><nvpair id="m1" name="target-role" value="Stopped"/>'
        '<nvpair id="m2" name="takeover-sets" value="target-role"/></meta_attributes>'
    )
    shop.cib = shop.cib.replace(group, f"{group}{pairs}")
    shop.state, shop.scheduled = "disabled", (NOTHING, NOTHING)
    shop.when(PUSH, state="running")
    assert takeover("service", "start", "shop") == 0
    assert meta(shop, "shop") == {"target-role": "Started"}


def test_only_root_may(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is run then."""
    user = Takeover(replace(takeover.machine, is_root=False), [], [], [])
    assert user("service", "stop", "shop") == 1
    assert "this needs root" in capsys.readouterr().err


# What `pcs resource ban shop node3 lifetime=PT8H` and `pcs resource move` with a lifetime make.
FOR_A_WHILE = (
    '<rsc_location id="{id}" rsc="shop" role="Started"><rule id="{id}-r" score="{score}" '
    'boolean-op="and"><expression id="{id}-e" attribute="#uname" operation="eq" value="{node}" '
    'type="string"/><date_expression id="{id}-d" operation="lt" end="2026-11-25 04:00:00Z"/></rule>'
    "</rsc_location></constraints>"
)


def _for_a_while(shop: Cluster, identity: str, score: str, node: str) -> None:
    rule = FOR_A_WHILE.format(id=identity, score=score, node=node)
    assert "</constraints>" in shop.cib
    shop.cib = shop.cib.replace("</constraints>", rule)


@pytest.mark.parametrize("command", ["move", "restart"])
def test_a_ban_for_some_hours_outlives_a_move_and_a_restart(
    command: str, shop: Cluster, takeover: Takeover
) -> None:
    """The disk of node3 is being replaced: the next failover must not go there."""
    _for_a_while(shop, "cli-ban-shop-on-node3", "-INFINITY", "node3")
    if command == "move":
        shop.when(PUSH, state=ON_NODE2)
        assert takeover("service", "move", "shop", "node2") == 0
    else:
        shop.scheduled = (NOTHING, STOPPED)
        shop.when(PUSH, state="disabled")
        shop.when(PUSH, state="running")
        assert takeover("service", "restart", "shop") == 0
    assert placed(shop) == ["cli-ban-shop-on-node3"]


def test_a_ban_for_some_hours_outlives_what_a_killed_move_has_left(
    shop: Cluster, takeover: Takeover
) -> None:
    """Only that is taken out."""
    _for_a_while(shop, "cli-ban-shop-on-node3", "-INFINITY", "node3")
    shop.when(PUSH, then=lambda: shop.when("crm_mon", before=_killed))
    with pytest.raises(SystemExit):
        takeover("service", "move", "shop", "node2")
    shop.state = ON_NODE2
    shop.when(PUSH)
    shop.when(PUSH, state="disabled")
    assert takeover("service", "stop", "shop") == 0
    assert placed(shop) == ["cli-ban-shop-on-node3"]


def test_a_pin_for_some_hours_is_not_replaced_by_a_move(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the same name, and would be gone without a word."""
    _for_a_while(shop, "cli-prefer-shop", "INFINITY", "node1")
    assert takeover("service", "move", "shop", "node2") == 1
    assert "shop is pinned to node1 (cli-prefer-shop)" in capsys.readouterr().err
    assert shop.writes == []


def test_a_pin_for_some_hours_outlives_a_restart(shop: Cluster, takeover: Takeover) -> None:
    """It holds the service on its node already."""
    _for_a_while(shop, "cli-prefer-shop", "INFINITY", "node1")
    before = configuration(shop.cib)
    shop.scheduled = (NOTHING, STOPPED)
    shop.when(PUSH, state="disabled")
    shop.when(PUSH, state="running")
    assert takeover("service", "restart", "shop") == 0
    assert configuration(shop.cib) == before


def test_a_dry_run_is_without_what_a_killed_move_has_left(
    shop: Cluster, takeover: Takeover
) -> None:
    """The command itself takes it out first; a dry run changes nothing, and says the same."""
    killed(shop, takeover)
    before = list(shop.writes)
    seen = look(takeover.machine, only=True)
    assert list(placements(seen.live, "shop")) == []
    assert shop.writes == before
