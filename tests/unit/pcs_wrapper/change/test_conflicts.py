"""What a service shall have and somebody else has: every node is asked before a push."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.change.judging.conflicts import question_of
from tests.unit.cib_templates.conftest import EXAMPLE, LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, configuration
from tests.unit.pcs_wrapper.conftest import Takeover

APPLIED = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))
DISK = {
    "resource": "shop-filesystem",
    "kind": "disk",
    "message": "/dev/sdb is mounted on /srv/site by site-fs of site",
    "holder": "site-fs",
}
UNIT = {"resource": "shop-app", "kind": "unit", "message": "nginx runs already", "holder": ""}


@pytest.fixture
def before(cluster: Cluster) -> str:
    """Have a cluster without services, and return its configuration."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    return LIVE


@pytest.mark.parametrize("node", ["node1", "node3"])
def test_a_disk_that_another_service_has_is_refused_before_the_push(
    cluster: Cluster, takeover: Takeover, before: str, capsys: pytest.CaptureFixture[str], node: str
) -> None:
    """Whichever node says so; nothing is left of the question, and no checkpoint is kept."""
    cluster.taken[node] = [DISK]
    assert takeover("apply", EXAMPLE) == 1
    assert cluster.writes == []
    assert cluster.cib == before
    said = capsys.readouterr().err
    assert f"shop-filesystem: {DISK['message']} (found on {node})" in said
    assert "Nothing was changed" in said
    assert takeover("history") == 0
    assert "no checkpoints" in capsys.readouterr().out


def test_what_all_nodes_say_is_said_once(
    cluster: Cluster, takeover: Takeover, before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the names of the nodes."""
    cluster.taken = {f"node{number}": [DISK] for number in (1, 2, 3)}
    assert takeover("apply", EXAMPLE) == 1
    said = capsys.readouterr().err
    assert said.count(DISK["message"]) == 1
    assert "(found on node1, node2, node3)" in said
    assert cluster.cib == before


def test_what_runs_outside_of_the_cluster_may_be_adopted(
    cluster: Cluster, takeover: Takeover, before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that an administrator has started: it is refused, or taken as it is."""
    cluster.taken["node2"] = [UNIT]
    assert takeover("apply", EXAMPLE) == 1
    assert "take it over as it is: --adopt" in capsys.readouterr().err
    assert cluster.cib == before
    cluster.when(PUSH, then=lambda: cluster.later("running"))
    assert takeover("apply", "--adopt", EXAMPLE) == 0
    assert takeover.warned == [
        "shop-app: nginx runs already (found on node2). It is taken over as it is"
    ]


@pytest.mark.usefixtures("before")
def test_what_another_resource_has_is_never_adopted(cluster: Cluster, takeover: Takeover) -> None:
    """Nor a disk that is mounted by hand."""
    for conflict in (UNIT | {"holder": "site"}, DISK | {"holder": ""}):
        cluster.taken["node2"] = [conflict]
        assert takeover("apply", "--adopt", EXAMPLE) == 1
    assert cluster.writes == []


@pytest.mark.usefixtures("before")
def test_a_node_with_older_agents_is_named(cluster: Cluster, takeover: Takeover) -> None:
    """It cannot say, and holds nobody up."""
    cluster.silent = {"node3"}
    cluster.when(PUSH, then=lambda: cluster.later("running"))
    assert takeover("apply", EXAMPLE) == 0
    [warning] = takeover.warned
    assert warning.startswith("node3 did not tell whether all that is wanted is free there")


def test_a_change_that_wants_nothing_asks_nobody(
    cluster: Cluster, takeover: Takeover, tmp_path: Path
) -> None:
    """It takes no time, and no other resource is asked about than those that want something new."""
    cluster.state, cluster.cib = "running", APPLIED
    text = EXAMPLE.read_text()
    changed = tmp_path / "changed.toml"
    changed.write_text(text.replace('stop_signal = "INT"', 'stop_signal = "TERM"'))
    assert changed.read_text() != text
    cluster.when(PUSH, then=lambda: cluster.later("running"))
    assert takeover("apply", changed) == 0
    assert cluster.asked == []


def test_a_survey_that_was_left_is_taken_out(cluster: Cluster, takeover: Takeover) -> None:
    """By the next apply, after one that was killed while it asked."""
    survey = '<primitive id="takeover-survey-5" class="ocf" provider="takeover" type="survey"/>'
    cluster.state = "running"
    cluster.cib = APPLIED.replace("</resources>", f"{survey}</resources>")
    assert takeover("apply", EXAMPLE) == 0
    assert configuration(cluster.cib) == configuration(APPLIED)


def test_a_rollback_takes_nothing_back_that_is_anothers_now(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a service had before its change may have been given to somebody else since."""
    cluster.state, cluster.cib = "running", APPLIED
    text = EXAMPLE.read_text()
    changed = tmp_path / "changed.toml"
    changed.write_text(text.replace('directory = "/srv/shop"', 'directory = "/srv/moved"'))
    assert changed.read_text() != text
    assert takeover("apply", changed) == 0
    after, cluster.writes[:] = cluster.cib, []
    cluster.taken["node3"] = [DISK]
    assert takeover("rollback", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "# asking every node whether what shop-filesystem shall have is free" in shown
    assert takeover("rollback", "--yes") == 1
    assert (cluster.writes, cluster.cib) == ([], after)
    said = capsys.readouterr().err
    assert f"shop-filesystem: {DISK['message']} (found on node3)" in said
    assert "Nothing was changed" in said
    cluster.taken.clear()
    assert takeover("rollback", "--yes") == 0
    assert configuration(cluster.cib) == configuration(APPLIED)


def test_a_dry_run_shows_how_the_nodes_are_asked(
    takeover: Takeover, before: str, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands that put the question into the cluster, and that take it out."""
    assert takeover("apply", "--dry-run", EXAMPLE) == 0
    out = capsys.readouterr().out
    assert "# asking every node whether what shop-filesystem, " in out
    create = "cibadmin --create --scope resources --xml-text"
    assert f'{create} \'<primitive id="takeover-survey-7"' in out
    assert (
        "cibadmin --delete --scope resources --xml-text '<primitive id=\"takeover-survey-7\"/>'"
        in out
    )
    assert (cluster.asked, cluster.cib) == ([], before)


def test_plan_looks_at_this_node(
    cluster: Cluster, takeover: Takeover, before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a change of the CIB; an apply asks the others."""
    cluster.taken["node1"] = [DISK]
    assert takeover("plan", EXAMPLE) == 1
    assert DISK["message"] in capsys.readouterr().err
    assert (cluster.writes, cluster.cib) == ([], before)


def _cib(resources: str, constraints: str = "") -> etree._Element:
    nodes = "".join(f'<node id="{number}" uname="node{number}"/>' for number in (1, 2, 3))
    return etree.fromstring(
        f"<cib epoch='5'><configuration><nodes>{nodes}</nodes><resources>{resources}</resources>"
        f"<constraints>{constraints}</constraints></configuration></cib>"
    )


def _primitive(name: str, agent: str, **parameters: str) -> str:
    kind, _, rest = agent.partition(":")
    provider, _, type_ = rest.rpartition(":")
    written = f' provider="{provider}"' if provider else ""
    pairs = "".join(
        f'<nvpair id="{name}-{key}" name="{key}" value="{value}"/>'
        for key, value in parameters.items()
    )
    return (
        f'<primitive id="{name}" class="{kind}"{written} type="{type_}">'
        f'<instance_attributes id="{name}-a">{pairs}</instance_attributes></primitive>'
    )


SITE = _primitive("site-fs", "ocf:heartbeat:Filesystem", device="/dev/sdb", directory="/srv/site")
IP = _primitive("ip", "ocf:takeover:ip", ip="198.51.100.9", conflict_wait="0")


def _asked(old: etree._Element, new: etree._Element) -> dict[str, dict[str, Any]]:
    question = question_of(old, new)
    return {each["id"]: dict(each) for each in question.resources} if question else {}


def test_what_is_asked_has_what_all_others_have() -> None:
    """Also what pcs has made, and what the change removes; of each what only one can have."""
    old = _cib(SITE + _primitive("web", "systemd:nginx"))
    asked = _asked(old, _cib(SITE + IP))
    assert [name for name, each in asked.items() if each.get("asked")] == ["ip"]
    assert asked["ip"]["parameters"] == {"ip": "198.51.100.9"}
    assert asked["ip"]["was"] is None
    assert asked["site-fs"]["parameters"] == {"device": "/dev/sdb", "directory": "/srv/site"}
    assert (asked["web"]["agent"], asked["web"]["leaves"]) == ("systemd:nginx", True)


def test_only_what_is_new_or_differs_is_asked_about() -> None:
    """A monitor's interval or an option of another kind is no reason to ask."""
    changed = IP.replace('"0"', '"20"')
    assert _asked(_cib(IP), _cib(changed)) == {}
    moved = IP.replace("100.9", "100.10")
    assert _asked(_cib(IP), _cib(moved))["ip"]["was"] == {"ip": "198.51.100.9"}


def test_what_another_agent_has_until_the_change_is_the_resources_own() -> None:
    """Whoever switches from a stock agent to ours has the address there already."""
    stock = _primitive("ip", "ocf:heartbeat:IPaddr2", ip="198.51.100.9")
    question = question_of(_cib(stock), _cib(IP))
    assert question is not None
    new, old = question.resources
    assert (new["asked"], new["was"]) == (True, {"ip": "198.51.100.9"})
    assert (old["id"], old["agent"], old["leaves"]) == ("ip", "ocf:heartbeat:IPaddr2", True)


def test_a_question_has_the_nodes_and_the_neighbours() -> None:
    """A port is taken only on a node that may run the service, and not beside what is apart."""
    group = f'<group id="new">{IP}</group>'
    constraints = (
        '<rsc_location id="l" rsc="new" node="node3" score="-INFINITY"/>'
        '<rsc_colocation id="c" rsc="new" with-rsc="site-fs" score="-INFINITY"/>'
        '<rsc_colocation id="d" rsc="new" with-rsc="base" score="INFINITY"/>'
    )
    asked = _asked(_cib(SITE), _cib(SITE + group, constraints))
    assert asked["ip"]["nodes"] == ["node1", "node2"]
    assert (asked["ip"]["apart"], asked["ip"]["beside"]) == (["site-fs"], ["base"])
    assert asked["site-fs"]["apart"] == ["new"]


def test_an_application_without_a_port_asks_nothing() -> None:
    """What a command checks is nobody's to know."""
    app = _primitive("app", "ocf:takeover:app", binfile="/bin/x", health="command:/bin/y")
    assert _asked(_cib(""), _cib(app)) == {}
    app = _primitive("app", "ocf:takeover:app", binfile="/bin/x", ready="tcp:127.0.0.1:80")
    assert _asked(_cib(""), _cib(app))["app"]["parameters"] == {"ready": "tcp:127.0.0.1:80"}


def test_check_compares_names_where_they_lead_somewhere(
    takeover: Takeover, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a node of the description; on any other machine they may lead elsewhere."""
    cluster.taken["node1"] = [DISK]
    takeover.machine = replace(takeover.machine, host="workstation")
    assert takeover("check", EXAMPLE) == 0
    assert cluster.asked == []
    takeover.machine = replace(takeover.machine, host="node1")
    assert takeover("check", EXAMPLE) == 2
    said = capsys.readouterr().err
    assert f"services.shop: shop-filesystem: on this machine, {DISK['message']}" in said
    [asked] = cluster.asked
    assert {each["id"] for each in asked if each["asked"]} == {
        *("shop-filesystem", "shop-app", "shop-address")
    }


def test_check_asks_no_agent_that_is_not_installed(takeover: Takeover, cluster: Cluster) -> None:
    """As on the machine of whoever writes the description."""
    takeover.machine = replace(takeover.machine, host="node1", agents=Path("/nonexistent"))
    assert takeover("check", EXAMPLE) == 0
    assert cluster.asked == []
