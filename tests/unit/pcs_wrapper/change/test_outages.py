"""How long a service was not served, from what Pacemaker has recorded of its operations."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from pcs_wrapper.change.outages import outage
from pcs_wrapper.health.diagnosis import services
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Operation, parse_state
from tests.unit.fakes.programs import told

RUNNING = parse_state(etree.fromstring(told("running").encode()))
[SHOP] = services(RUNNING)


def after(*operations: tuple[str, str, str, float, float]) -> ClusterState:
    """Return the state with operations that came since."""
    return replace(RUNNING, operations=tuple(Operation(*each) for each in operations))


@pytest.mark.parametrize(
    ("operations", "said"),
    [
        ((), ""),
        ((("batch-app", "node1", "stop", 100.0, 1.0),), ""),
        (
            (
                ("shop-address", "node1", "stop", 100.0, 0.1),
                ("shop-app", "node1", "stop", 100.0, 1.5),
                ("shop-app", "node2", "start", 102.0, 2.0),
                ("shop-address", "node2", "start", 104.0, 0.25),
            ),
            "it was not served for about 4.2 s",
        ),
        (
            (
                ("shop-app", "node1", "stop", 100.0, 0.3),
                ("shop-app", "node1", "start", 100.0, 0.4),
            ),
            "it was not served for about 0.7 s",
        ),
    ],
)
def test_from_the_first_stop_to_the_last_start(
    operations: tuple[tuple[str, str, str, float, float], ...], said: str
) -> None:
    """Only of the service itself; within a second, as long as its actions took."""
    assert outage(SHOP, RUNNING, after(*operations)) == said


def test_what_still_is_down_has_no_end() -> None:
    """Since when is told."""
    down = replace(SHOP, state="stopped", nodes=())
    stop = ("shop-app", "node1", "stop", 1_800_000_000.0, 1.0)
    assert outage(down, RUNNING, after(stop)) == "it is not served since 08:00:00 UTC"


def test_operations_from_before_do_not_count() -> None:
    """What the cluster did before the change."""
    old = after(("shop-app", "node1", "start", 100.0, 2.0))
    assert outage(SHOP, old, old) == ""


@pytest.mark.parametrize("written", ["2026-11-30 10:59:13 +00:00", "2026-11-30 10:59:13Z"])
def test_both_releases_times_are_read(written: str) -> None:
    """Pacemaker 2.1 and 3.0 write them otherwise."""
    history = (
        '<node_history><node name="node1"><resource_history id="shop-app:0">'
        f'<operation_history call="5" task="stop" last-rc-change="{written}" exec-time="104ms"/>'
        "</resource_history></node></node_history></pacemaker-result>"
    )
    text = told("cluster-only").replace("</pacemaker-result>", history)
    [found] = parse_state(etree.fromstring(text.encode())).operations
    assert found == Operation("shop-app", "node1", "stop", 1796036353.0, 0.104)
