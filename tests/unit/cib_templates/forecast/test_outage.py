"""For how long a service will be gone, from what real clusters have measured."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.history import History, read_history
from cib_templates.forecast.outage import (
    Clock,
    Outage,
    ResourceClock,
    Span,
    delay_span,
    fencing_span,
)
from cib_templates.model.timing import Corosync, corosync_times
from cib_templates.reading.reading import read_description

LIVE = Path(__file__).parents[2] / "pcs_wrapper" / "live_cib"
PARTS = ("shop-filesystem", "shop-app", "shop-address")
MINUTE = timedelta(seconds=60)
NOTHING = History({}, {}, None)


def history(release: str = "2.1") -> History:
    """Return what a cluster had measured after one planned move."""
    return read_history(etree.parse(LIVE / f"{release}.xml").getroot())


def clock(measured: History) -> Clock:
    """Return the demo's service with what was measured of it."""
    return Clock("shop", read_description(LIVE / "shop.toml").services["shop"], measured)


def likely(outage: Outage | None) -> float:
    """Return for how long an outage is likely to last, in seconds."""
    assert outage is not None
    assert outage.total.likely is not None
    return outage.total.likely


def test_the_operation_history_is_read() -> None:
    """The latest start and stop on any node, whoever decides, and where the parts run."""
    measured = history()
    assert measured.dc == "node2"
    assert {measured.running_on[part] for part in PARTS} == {"node2"}
    assert {key: measured.seconds[key] for key in measured.seconds if key[0] == "shop-app"} == {
        ("shop-app", "start"): 0.29,
        ("shop-app", "stop"): 0.098,
        ("shop-app", "monitor"): 0.065,
    }


def test_actions_that_failed_are_not_measured() -> None:
    """A start that ran into its timeout says nothing of how long a start takes."""
    text = (LIVE / "2.1.xml").read_bytes().replace(b'rc-code="0"', b'rc-code="1"')
    assert read_history(etree.fromstring(text)).seconds == {}


@pytest.mark.parametrize("release", ["2.1", "3.0"])
def test_predictions_are_what_was_measured_on_that_cluster(release: str) -> None:
    """The outages that the demo's client measured after this CIB was read, within 30 %.

    That client tried again twice a second, so that it measured half of that more on average.
    """
    measured = history(release)
    shop = clock(measured)
    fencing = fencing_span("fence-rig", MINUTE, measured)
    corosync = corosync_times(timedelta(seconds=1), 3)
    for outage, seconds in (
        (shop.planned(PARTS), 1.62),
        (shop.application_failure(), 1.32),
        (shop.node_failure(corosync, fencing), 6.4 if release == "2.1" else 5.87),
    ):
        assert likely(outage) + 0.25 == pytest.approx(seconds, rel=0.3)


def test_a_node_failure_is_split_into_its_phases() -> None:
    """Each phase has its own time, and the whole is their sum."""
    measured = history()
    outage = clock(measured).node_failure(Corosync(1.65, 1.98), Span(2.0, 60.0, "estimated"))
    assert list(outage.phases) == ["detect", "fence", "data", "application", "address"]
    # The service ran on the DC: another one has to be elected first.
    assert outage.phases["detect"].likely == pytest.approx(1.65 + 1.98 + 1.15)
    assert outage.phases["fence"] == Span(2.0, 60.0, "estimated")
    assert likely(outage) == pytest.approx(
        sum(span.likely for span in outage.phases.values() if span.likely is not None)
    )


def test_a_watched_application_is_seen_at_once_and_others_at_their_monitor() -> None:
    """Half the monitor's interval is what a failure waits on average."""
    watched = clock(history()).application_failure()
    service = read_description(LIVE / "shop.toml").services["shop"]
    app = service.app[0].model_copy(update={"command": None, "agent": "systemd:postgresql"})
    polled = Clock("shop", service.model_copy(update={"app": [app]}), history())
    assert likely(polled.application_failure()) - likely(watched) == pytest.approx(2.48)


def test_what_is_dead_has_nothing_to_stop() -> None:
    """The stop before the restart only looks; a stop that shuts a database down takes longer."""
    measured = history()
    slow = measured.seconds | {("shop-app", "stop"): 60.0}
    assert (
        clock(History(slow, {}, None)).application_failure()
        == clock(History(measured.seconds, {}, None)).application_failure()
    )


def test_only_what_stops_counts() -> None:
    """An address that is restarted alone costs less than the whole service."""
    shop = clock(history())
    assert list(shop.planned(["shop-address"]).phases) == ["address"]
    assert likely(shop.planned(["shop-address"])) < likely(shop.planned(PARTS))


def test_a_stop_that_was_never_measured_is_estimated_and_said_to_be() -> None:
    """A service that has only been started so far has a prediction all the same."""
    measured = history()
    started = {key: took for key, took in measured.seconds.items() if key[1] != "stop"}
    estimated = clock(History(started, {}, None)).planned(PARTS).phases["data"]
    assert clock(measured).planned(PARTS).phases["data"].source == "measured"
    assert estimated.source == "estimated"


def test_a_new_service_has_only_limits() -> None:
    """Nothing is invented: what was never done may take as long as it is allowed to."""
    total = clock(NOTHING).planned(PARTS).total
    assert total.likely is None
    assert total.source == "limit"
    # All starts and stops of the description's defaults, and what comes between them.
    assert total.limit == pytest.approx(60 + 60 + 120 + 120 + 20 + 20, abs=2)
    assert fencing_span("fence-rig", MINUTE, NOTHING) == Span(None, 60, "limit")


def test_a_service_without_application() -> None:
    """An address alone has no application that could fail."""
    service = read_description(LIVE / "shop.toml").services["shop"]
    assert Clock("a", service.model_copy(update={"app": []}), NOTHING).application_failure() is None


@pytest.mark.parametrize(
    ("budget", "fits"), [(400, True), (10, True), (1, False)], ids=["limit", "likely", "neither"]
)
def test_a_budget_is_compared_with_what_is_likely(budget: int, fits: bool) -> None:
    """Timeouts are far longer than what they guard: they are no prediction."""
    outage = Outage({"detect": Span(5.0, 300.0, "measured")})
    assert outage.fits(timedelta(seconds=budget)) is fits


def test_whether_a_new_service_fits_is_not_known() -> None:
    """Unless even the limit is within the budget."""
    outage = Outage({"data": Span(None, 60.0, "limit")})
    assert outage.fits(timedelta(seconds=30)) is None
    assert outage.fits(timedelta(seconds=60)) is True


def test_corosyncs_times_grow_with_the_nodes() -> None:
    """corosync.conf(5): token_coefficient for each node above two, consensus 1.2 times token."""
    assert corosync_times(timedelta(seconds=1), 2) == Corosync(1.0, 1.2)
    three = corosync_times(timedelta(seconds=1), 3)
    # What corosync-cmapctl said on that cluster.
    assert (three.token, round(three.consensus, 3)) == (1.65, 1.98)
    given = corosync_times(timedelta(seconds=1), 3, timedelta(), timedelta(milliseconds=1200))
    assert given == Corosync(1.0, 1.2)


def test_a_quorum_device_votes_later_than_the_nodes_agree() -> None:
    """Its host must first know that a node is lost: 2.2 s, but 8 s of a timeout of 10 s.

    Two nodes and a real corosync-qnetd: the address was back after 12.8 s with the default, and
    after 4.6 s with a timeout of 4 s.
    """
    shop, fencing = clock(history()), Span(0.3, 60.0, "estimated")
    alone = shop.node_failure(Corosync(1.0, 1.2), fencing)
    for device, likeliest, latest in ((10.0, 8.0, 12.0), (4.0, 3.2, 4.8), (2.0, 2.2, 2.4)):
        outage = shop.node_failure(Corosync(1.0, 1.2, device), fencing)
        assert likely(outage) - likely(alone) == pytest.approx(likeliest - 2.2)
        assert outage.total.limit - alone.total.limit == pytest.approx(latest - 2.2)


TWO = """\
schema = 1
[cluster]
name = "pair"
{delay}
[nodes.node1]
links = ["198.51.100.11"]
[nodes.node2]
links = ["198.51.100.12"]
{more}
[fencing.power]
agent = "fence_apc"
[services.big]
pattern = "standby"
[services.big.app]
command = ["/bin/x"]
[services.big.address]
ip = "198.51.100.100"
[services.small]
pattern = "standby"
[services.small.app]
command = ["/bin/y"]
"""


@pytest.mark.parametrize(
    ("delay", "more", "small_is_on", "seconds"),
    [
        ("", "", "node2", {"big": 10, "small": 0}),
        ("", "", "node1", {"big": 10, "small": 10}),
        ('fencing_delay = "5s"', "", "node2", {"big": 5, "small": 0}),
        ('fencing_delay = "0s"', "", "node2", {"big": 0, "small": 0}),
        ("", '[quorum.device]\nhost = "witness"', "node2", {"big": 0, "small": 0}),
        # Without priorities of one's own, both nodes have as much: nothing.
        ("", "[properties]\npriority-fencing-delay = 7", "node2", {"big": 0, "small": 0}),
        ("", '[nodes.node3]\nlinks = ["198.51.100.13"]', "node2", {"big": 0, "small": 0}),
    ],
)
def test_fencing_the_node_that_serves_is_delayed(
    delay: str, more: str, small_is_on: str, seconds: dict[str, float], tmp_path: Path
) -> None:
    """Who serves less loses, and is fenced at once."""
    file = tmp_path / "cluster.toml"
    file.write_text(TWO.format(delay=delay, more=more))
    description = read_description(file)
    running = {"big-app": "node1", "big-address": "node1", "small-app": small_is_on}
    measured = History({}, running, None)
    found = {name: delay_span(name, description, measured).likely for name in seconds}
    assert found == seconds


def test_fencing_is_delayed_by_priorities_of_one_s_own(tmp_path: Path) -> None:
    """Not by how much runs on a node, but by how important it is."""
    file = tmp_path / "cluster.toml"
    text = TWO.format(delay="", more="[properties]\npriority-fencing-delay = 7")
    file.write_text(text.replace("[services.small.app]", "priority = 9\n[services.small.app]"))
    description = read_description(file)
    running = {"big-app": "node1", "big-address": "node1", "small-app": "node2"}
    measured = History({}, running, None)
    found = {name: delay_span(name, description, measured).likely for name in ("big", "small")}
    assert found == {"big": 0, "small": 7}


def test_fencing_the_node_of_a_new_service_may_be_delayed(tmp_path: Path) -> None:
    """It is not known yet which node will serve more."""
    file = tmp_path / "cluster.toml"
    file.write_text(TWO.format(delay="", more=""))
    measured = History({}, {"big-app": "node1", "big-address": "node1"}, None)
    assert delay_span("small", read_description(file), measured).limit == 10
    assert delay_span("small", read_description(file), measured).likely == 10


def test_a_resource_of_the_live_cluster_needs_no_description() -> None:
    """It is known by what was measured, and by its own limits; whoever has made it."""
    live = etree.parse(LIVE / "2.1.xml").getroot()
    [group] = live.iterfind("configuration/resources/group")
    parts = ("shop-app", "shop-address")
    known = ResourceClock(group, history()).planned(parts)
    assert list(known.phases) == ["application", "address"]
    assert known.total == clock(history()).planned(parts).total
    dummy = etree.fromstring('<primitive id="x" type="Dummy"/>')
    unknown = ResourceClock(dummy, NOTHING).planned(["x"]).total
    assert (unknown.likely, unknown.limit) == (None, 40.0)
