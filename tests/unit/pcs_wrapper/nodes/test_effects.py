"""What a pause does to services of every pattern: as the real schedulers of both releases say.

node2 is paused. On it run shop (a group), site (a group with the promoted copy of its mirror), a
copy of front (a clone on every node), and lonely, which may run nowhere else.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from pcs_wrapper.nodes.effects import Effect, effects, fenced
from pcs_wrapper.pacemaker.crm_mon import ClusterState, parse_state
from pcs_wrapper.pacemaker.simulation import Action, parse_actions
from tests.unit.fakes.programs import told

_SIMULATED = Path(__file__).parents[1] / "crm_simulate"


def state(release: str) -> ClusterState:
    """Return the state before the pause."""
    return parse_state(etree.fromstring(told(f"patterns-{release}").encode()))


def without_times(found: tuple[Effect, ...]) -> dict[str, tuple[str, ...]]:
    """Return what happens to each service: the kind, and from where to where."""
    return {
        each.service: (each.kind, *each.source, "->", *each.dest, "|", *each.goes_on)
        for each in found
    }


@pytest.mark.parametrize("release", ["2.1", "3.0"])
def test_each_pattern_is_told_apart(release: str, live: str) -> None:
    """What has nowhere to run comes first; a copy that ends is no interruption."""
    actions = parse_actions((_SIMULATED / f"paused-{release}.xml").read_text())
    found = effects(state(release), etree.fromstring(live), actions)
    assert without_times(found) == {
        "lonely": ("stops", "node2", "->", "|"),
        "shop": ("moves", "node2", "->", "node1", "|"),
        "site": ("moves", "node2", "->", "node1", "|"),
        "front": ("leaves", "node2", "->", "|", "node1", "node3"),
        "site-mirror": ("leaves", "node2", "->", "|", "node1"),
    }
    assert [each.service for each in found if each.outage is not None] == ["shop", "site"]
    assert fenced(actions) == ()


@pytest.mark.parametrize("release", ["2.1", "3.0"])
def test_what_comes_back_is_told_apart(release: str, live: str) -> None:
    """Of the mirror's copies, which have no names, 2.1 also says that one goes where one is."""
    actions = parse_actions((_SIMULATED / f"resumed-{release}.xml").read_text())
    drained = parse_state(etree.fromstring(told(f"drained-{release}").encode()))
    found = without_times(effects(drained, etree.fromstring(live), actions))
    mirror = found.pop("site-mirror")
    assert found == {
        "site": ("moves", "node1", "->", "node2", "|"),
        "front": ("starts", "->", "node2", "|", "node1", "node3"),
        "lonely": ("starts", "->", "node2", "|"),
    }
    assert (
        mirror
        == {
            "2.1": ("restarts", "node1", "->", "node2", "|"),
            "3.0": ("starts", "->", "node2", "|", "node1"),
        }[release]
    )


def test_the_last_copy_of_a_clone_has_nowhere_to_run(live: str) -> None:
    """Then it is as with a service of one node."""
    text = told("patterns-2.1")
    for node in ("node1", "node3"):
        text = text.replace(f'<node name="{node}" id="{node[-1]}" cached="true"/>', "")
    alone = parse_state(etree.fromstring(text.encode()))
    stop = Action("stop", "front-app:1", "node2", None, "node availability", "stop")
    [effect] = effects(alone, etree.fromstring(live), [stop])
    assert (effect.service, effect.kind) == ("front", "stops")


def test_what_would_happen_anyway_is_no_effect(live: str) -> None:
    """Nor is the fencing of a node that has to be fenced anyway."""
    actions = [
        Action("start", "lonely", None, "node2", "", "start", anyway=True),
        Action("fence", "node3", "node3", None, "", "Fence (reboot)", anyway=True),
    ]
    assert effects(state("2.1"), etree.fromstring(live), actions) == ()
    assert fenced(actions) == ()
    assert fenced([Action("fence", "node3", "node3", None, "", "Fence (off)")]) == ("node3",)


def test_the_time_comes_from_what_the_cluster_has_measured(live: str) -> None:
    """And where it has measured nothing, only the limit is known."""
    actions = parse_actions((_SIMULATED / "paused-2.1.xml").read_text())
    outage = {each.service: each.outage for each in effects(
        state("2.1"), etree.fromstring(live), actions
    )}["shop"]  # fmt: skip
    assert outage is not None
    assert outage.likely == pytest.approx(1.0, abs=0.2)
    root = etree.fromstring(live)
    for history in root.findall("status/node_state/lrm"):
        history.getparent().remove(history)  # type: ignore[union-attr]
    [shop] = [each for each in effects(state("2.1"), root, actions) if each.service == "shop"]
    assert shop.outage is not None
    assert (shop.outage.likely, round(shop.outage.limit)) == (None, 400)
