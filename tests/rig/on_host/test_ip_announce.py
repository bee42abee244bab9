"""The neighbours are told where an address is: on two nodes and a cable."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from ocf_agents.runtime.process import Process, identify
from tests.rig.on_host.conftest import RECURRING, Node, Wire, run

ADDRESS4, ADDRESS6 = "198.51.100.7", "2001:db8::7"
PACKED4 = socket.inet_aton(ADDRESS4)


def announcements(packets: list[bytes]) -> list[bytes]:
    """Return the gratuitous ARP packets of the address: sender and target are the same."""
    arp = [p for p in packets if p[12:14] == b"\x08\x06"]
    return [p for p in arp if p[28:32] == p[38:42] == PACKED4]


def announcer(node: Node) -> Process | None:
    """Return the process that announces in the background, None if it has ended."""
    for path in node.state.glob("*.announcements.state"):
        values = dict(line.split("=", 1) for line in path.read_text().splitlines())
        return identify(int(values["pid"]))
    return None


def test_an_ipv4_address_is_announced(node: Node, wire: Wire) -> None:
    """The neighbour gets gratuitous ARP, as request and as reply, the given number of times."""
    assert node.act("ip", "start", ip=ADDRESS4, arp_count="3", arp_interval="20") == (0, "")
    sent = announcements(wire())
    assert [p[20:22] for p in sent] == [b"\0\1", b"\0\2"] * 3
    assert {p[:6] for p in sent} == {b"\xff" * 6}
    assert {p[6:12] == p[22:28] for p in sent} == {True}


def test_an_ipv6_address_is_announced(node: Node, wire: Wire) -> None:
    """The neighbour gets unsolicited advertisements that override what it knew."""
    assert node.act("ip", "start", ip=ADDRESS6, arp_count="3", arp_interval="20") == (0, "")
    packed = socket.inet_pton(socket.AF_INET6, ADDRESS6)
    sent = [p for p in wire() if p[54:55] == bytes([136]) and p[62:78] == packed]
    ours = [p for p in sent if p[22:38] == packed]
    assert len(ours) == 3
    assert {p[58] for p in ours} == {0x20}
    assert {p[21] for p in ours} == {255}
    assert {p[78:80] + p[6:12] == p[78:86] for p in ours} == {True}


def test_a_neighbour_believes_the_ipv6_announcement(node: Node, neighbour: Node) -> None:
    """Its kernel takes the packet for valid, and sends to the new node from then on."""
    neighbour.run(*f"ip neighbour add {ADDRESS6} lladdr 02:00:00:00:00:99 dev eth1".split())
    neighbour.run(*f"ip neighbour change {ADDRESS6} nud stale dev eth1".split())
    assert node.act("ip", "start", ip=ADDRESS6) == (0, "")
    assert (
        node.hardware_address("eth1") in neighbour.run("ip", "neighbour", "show", ADDRESS6).stdout
    )


def test_the_first_announcement_does_not_wait_and_the_others_do_not_hold_up(
    node: Node, wire: Wire
) -> None:
    """The start ends at once, with its output closed, while the rest is sent in the background."""
    began = time.monotonic()
    # node.act returns when the output is closed, as Pacemaker waits for it.
    assert node.act("ip", "start", ip=ADDRESS4, arp_interval="60000") == (0, "")
    assert time.monotonic() - began < 30
    process = announcer(node)
    assert process is not None
    for descriptor in ("0", "1", "2"):
        target = Path(f"/proc/{process.pid}/fd/{descriptor}").readlink()
        assert target == Path("/dev/null")
    assert len(announcements(wire())) == 2
    assert node.act("ip", "stop", ip=ADDRESS4) == (0, "")


def test_a_stop_ends_the_announcements(node: Node, wire: Wire) -> None:
    """No packet is sent, and no process is left, once the address has gone."""
    assert node.act("ip", "start", ip=ADDRESS4, arp_count="1000", arp_interval="100") == (0, "")
    process = announcer(node)
    assert process is not None
    assert process.alive
    assert node.act("ip", "stop", ip=ADDRESS4) == (0, "")
    wait_for_end(process)
    assert not list(node.state.glob("*"))
    before = len(announcements(wire(0.5)))
    assert before < 20


def test_an_address_that_was_taken_away_is_not_announced(node: Node, wire: Wire) -> None:
    """The background looks whether the address is still here, whoever has removed it."""
    assert node.act("ip", "start", ip=ADDRESS4, arp_count="3", arp_interval="2000") == (0, "")
    node.run(*f"ip address del {ADDRESS4}/24 dev eth1".split())
    process = announcer(node)
    assert process is not None
    wait_for_end(process)
    assert len(announcements(wire())) == 2


def test_a_monitor_announces_if_asked_to(node: Node, wire: Wire) -> None:
    """With arp_count_refresh each recurring monitor tells the neighbours, a probe does not."""
    given = {"ip": ADDRESS4, "arp_count": "0", "arp_count_refresh": "2", "arp_interval": "20"}
    assert node.act("ip", "start", **given) == (0, "")
    assert node.act("ip", "monitor", **given) == (0, "")
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")
    assert len(announcements(wire())) == 4


def test_a_stop_survives_an_announcer_that_was_killed(node: Node, neighbour: Node) -> None:
    """Neither an ended process nor one that has its number now confuses the stop."""
    assert neighbour.process.pid
    assert node.act("ip", "start", ip=ADDRESS4, arp_interval="60000") == (0, "")
    process = announcer(node)
    assert process is not None
    run("kill", "-KILL", str(process.pid))
    [path] = node.state.glob("*.announcements.state")
    text = path.read_text().replace(f"pid={process.pid}", f"pid={neighbour.process.pid}")
    path.write_text(text)
    assert node.act("ip", "stop", ip=ADDRESS4) == (0, "")
    assert neighbour.process.poll() is None


@pytest.mark.usefixtures("neighbour")
def test_a_start_that_fails_leaves_no_announcer(node: Node) -> None:
    """The process that was made in advance ends with the agent."""
    node.run(*"sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1".split())
    given = {"ip": ADDRESS6, "nic": "eth1", "cidr_netmask": "64", "arp_interval": "60000"}
    assert node.act("ip", "start", **given)[0] == 1
    process = announcer(node)
    if process is not None:
        wait_for_end(process)


def wait_for_end(process: Process) -> None:
    until = time.monotonic() + 5
    while process.alive:
        assert time.monotonic() < until
        time.sleep(0.01)
