"""An address that another host uses is not taken: on two nodes and a cable."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import Node, Wire

ADDRESS4, ADDRESS6 = "198.51.100.7", "2001:db8::7"


@pytest.mark.parametrize("ip", [f"{ADDRESS4}/24", f"{ADDRESS6}/64"])
def test_an_address_that_another_host_uses_is_not_taken(
    node: Node, neighbour: Node, ip: str
) -> None:
    """The start fails with the other's hardware address as the cause, and adds nothing."""
    neighbour.run(*f"ip address add {ip} dev eth1 nodad".split())
    address = ip.partition("/")[0]
    code, said = node.act("ip", "start", ip=address)
    assert code == Code.ERR_GENERIC
    other = neighbour.hardware_address("eth1")
    assert said == f"ocf-exit-reason:another host on eth1 already uses {address}: {other}\n"
    assert address not in node.run("ip", "address", "show", "eth1").stdout
    assert node.act("ip", "monitor", ip=address)[0] == Code.NOT_RUNNING


def test_the_question_is_an_arp_probe(node: Node, wire: Wire) -> None:
    """It has no sender address, lest it change what the neighbours know (RFC 5227, 1.1)."""
    assert node.act("ip", "start", ip=ADDRESS4) == (0, "")
    arp = [p for p in wire() if p[12:14] == b"\x08\x06" and p[38:42] == socket.inet_aton(ADDRESS4)]
    probes = [p for p in arp if p[28:32] == bytes(4)]
    assert [p[20:22] for p in probes] == [b"\0\1"] * 2
    assert arp[:2] == probes  # before the first announcement


def test_the_ipv6_question_is_duplicate_address_detection(node: Node, wire: Wire) -> None:
    """It is a solicitation from the unspecified address (RFC 4862, 5.4.2)."""
    assert node.act("ip", "start", ip=ADDRESS6) == (0, "")
    packed = socket.inet_pton(socket.AF_INET6, ADDRESS6)
    asked = [p for p in wire() if p[54:55] == bytes([135]) and p[62:78] == packed]
    assert len(asked) == 2
    assert {p[22:38] for p in asked} == {bytes(16)}
    assert {p[21] for p in asked} == {255}
    assert {p[38:54] for p in asked} == {socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:7")}


def test_the_check_can_be_turned_off(node: Node, neighbour: Node) -> None:
    """Without time for an answer nobody is asked."""
    neighbour.run(*f"ip address add {ADDRESS4}/24 dev eth1".split())
    assert node.act("ip", "start", ip=ADDRESS4, conflict_wait="0") == (0, "")
    assert ADDRESS4 in node.run("ip", "address", "show", "eth1").stdout


def test_the_kernels_detection_is_waited_for_if_we_do_not_ask(node: Node, neighbour: Node) -> None:
    """An address is not tentative any more when the start has ended, and a duplicate is removed."""
    given = {"ip": ADDRESS6, "conflict_wait": "0"}
    assert node.act("ip", "start", **given) == (0, "")
    assert ADDRESS6 not in node.run(*"ip address show dev eth1 tentative".split()).stdout
    assert node.act("ip", "stop", **given) == (0, "")
    neighbour.run(*f"ip address add {ADDRESS6}/64 dev eth1 nodad".split())
    code, said = node.act("ip", "start", **given)
    assert (code, said) == (1, f"ocf-exit-reason:another host already uses {ADDRESS6}\n")
    assert ADDRESS6 not in node.run("ip", "address", "show", "eth1").stdout


def test_nodad_adds_an_ipv6_address_unseen(node: Node, neighbour: Node) -> None:
    """With nodad neither we nor the kernel ask."""
    neighbour.run(*f"ip address add {ADDRESS6}/64 dev eth1 nodad".split())
    assert node.act("ip", "start", ip=ADDRESS6, nodad="true") == (0, "")
    assert f"{ADDRESS6}/64" in node.run("ip", "address", "show", "eth1").stdout


def test_one_conflict_of_several_addresses_keeps_all_away(node: Node, neighbour: Node) -> None:
    """All are asked for at once, and none is added if one is taken."""
    neighbour.run(*f"ip address add {ADDRESS6}/64 dev eth1 nodad".split())
    before = node.run("ip", "address", "show", "eth1").stdout
    code, said = node.act("ip", "start", addresses=f"{ADDRESS4} {ADDRESS6}")
    assert code == Code.ERR_GENERIC
    assert f"another host on eth1 already uses {ADDRESS6}" in said
    assert node.run("ip", "address", "show", "eth1").stdout == before


STORM = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth1", 0x0806))
head = "ffffffffffff0200000000090806" "0001080006040001020000000009c6336463"
packet = bytes.fromhex(head + "00" * 10)
print("storm", flush=True)
while True:
    s.send(packet)
"""


def test_a_storm_of_packets_holds_up_no_start(node: Node, neighbour: Node) -> None:
    """A neighbour that never stops talking of other addresses: the start ends when it should."""
    storm = subprocess.Popen(
        [*neighbour.enter, sys.executable, "-IS", "-c", STORM], stdout=subprocess.PIPE, text=True
    )
    try:
        assert storm.stdout is not None
        assert storm.stdout.readline() == "storm\n"
        began = time.monotonic()
        assert node.act("ip", "start", ip=ADDRESS4) == (0, "")
        assert time.monotonic() - began < 10
        assert storm.poll() is None
    finally:
        storm.kill()
        storm.communicate()
