"""Whatever the watcher finds of an address, the monitor finds, too: it is the safety net."""

from __future__ import annotations

import pytest

from tests.rig.on_host.conftest import RECURRING, Node
from tests.rig.on_host.watching import problems, watches

ADDRESS = "198.51.100.7"
#: What may happen, by the kind of watch that notices it.
EVENTS = {
    "address": [
        f"ip address del {ADDRESS}/24 dev eth1",
        f"ip address del {ADDRESS}/24 dev eth1; ip address add {ADDRESS}/24 dev other0",
        "ip link del eth1",
    ],
    "link": ["ip link set eth1 down", "ip link del eth1", "ip link set eth1-end down"],
}


def prepare(node: Node) -> None:
    for interface in ("eth1", "other0"):
        node.run(*f"ip link add {interface} type veth peer name {interface}-end".split())
        for each in (interface, f"{interface}-end"):
            node.run("ip", "link", "set", each, "up")
    node.run(*"ip address add 198.51.100.1/24 dev eth1".split())


def test_every_kind_of_watch_has_its_events_here(node: Node) -> None:
    """One that the agent begins to use needs some, or this test fails."""
    prepare(node)
    assert node.act("ip", "start", ip=ADDRESS) == (0, "")
    assert {each.partition(" ")[0] for each in watches(node, "ip", {"ip": ADDRESS})} == set(EVENTS)


@pytest.mark.parametrize("given", [{}, {"nic": "eth1"}], ids=["any interface", "eth1"])
@pytest.mark.parametrize(
    ("kind", "event"), [(kind, event) for kind, events in EVENTS.items() for event in events]
)
def test_the_monitor_finds_what_the_watch_finds(
    node: Node, kind: str, event: str, given: dict[str, str]
) -> None:
    """As long as the watches are content the monitor is, and afterwards neither is."""
    prepare(node)
    parameters = {"ip": ADDRESS, **given}
    assert node.act("ip", "start", **parameters) == (0, "")
    watched = watches(node, "ip", parameters)
    assert problems(node, watched) == [""] * len(watched)
    assert node.act("ip", "monitor", RECURRING, **parameters) == (0, "")
    node.run("sh", "-c", event)
    told = dict(zip(watched, problems(node, watched), strict=True))
    assert any(problem for watch, problem in told.items() if watch.startswith(kind))
    assert node.act("ip", "monitor", RECURRING, **parameters)[0] != 0
    assert node.act("ip", "stop", **parameters) == (0, "")


def test_an_address_of_another_host_is_found_by_both(node: Node, neighbour: Node) -> None:
    """What the kernel's duplicate address detection finds (IPv6)."""
    ip = "2001:db8::7"
    neighbour.run(*f"ip address add {ip}/64 dev eth1 nodad".split())
    node.run(*f"ip address add {ip}/64 dev eth1".split())
    number = node.run(*"ip -o link show eth1".split()).stdout.partition(":")[0]
    for _ in range(100):
        if "dadfailed" in node.run(*"ip -6 address show dev eth1".split()).stdout:
            break
        node.run("sleep", "0.1")
    assert problems(node, [f"address {ip} {number}"]) != [""]
    assert node.act("ip", "monitor", RECURRING, ip=ip)[0] == 1
