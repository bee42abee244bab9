"""Connections of an address that leaves the node (resource-agents#2076)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.rig.on_host.conftest import Node

pytestmark = pytest.mark.usefixtures("neighbour")
GIVEN = {"nic": "eth1", "conflict_wait": "0", "nodad": "true"}
SERVER = """
import socket, sys
s = socket.create_server((sys.argv[1], 5432), family=socket.AF_INET6, dualstack_ipv6=True)
print("listening", flush=True)
kept = []
while True:
    kept.append(s.accept()[0])
"""
CLIENT = """
import socket, sys
s = socket.create_connection((sys.argv[1], 5432), 5)
print("connected", flush=True)
s.settimeout(float(sys.argv[2]))
try:
    print(repr(s.recv(1)))
except OSError as error:
    print(type(error).__name__)
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a script on a node, and waits for its first line."""
    running: list[subprocess.Popen[str]] = []

    def started(node: Node, script: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*node.enter, sys.executable, "-IS", "-c", script, *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline()
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("ip", ["198.51.100.7", "2001:db8::7"])
def test_clients_are_told_when_the_address_leaves(
    node: Node, neighbour: Node, start: Start, ip: str
) -> None:
    """A client gets a reset at the stop, though the server goes on, also one that serves both."""
    given = {**GIVEN, "ip": ip, "kill_connections_on_stop": "true"}
    assert node.act("ip", "start", **given) == (0, "")
    server = start(node, SERVER, "::")
    client = start(neighbour, CLIENT, ip, "20")
    other = start(neighbour, CLIENT, ip.replace("7", "1"), "1")
    code, said = node.act("ip", "stop", **given)
    assert (code, said) == (0, f"connections of {ip} closed: 1\n")
    assert client.communicate(timeout=15)[0] == "ConnectionResetError\n"
    assert other.communicate(timeout=15)[0] == "TimeoutError\n"  # it goes on
    assert server.poll() is None


def test_a_client_on_the_node_itself_is_told_too(node: Node, start: Start) -> None:
    """Its connection over the loopback interface would never notice that the address has moved."""
    given = {**GIVEN, "ip": "198.51.100.7", "kill_connections_on_stop": "true"}
    assert node.act("ip", "start", **given) == (0, "")
    start(node, SERVER, "::")
    client = start(node, CLIENT, "198.51.100.7", "20")
    assert node.act("ip", "stop", **given)[0] == 0
    assert client.communicate(timeout=15)[0] in (
        "ConnectionAbortedError\n",
        "ConnectionResetError\n",
    )


def test_connections_are_left_alone_unless_asked_for(
    node: Node, neighbour: Node, start: Start
) -> None:
    """By default a stop only removes the address."""
    given = {**GIVEN, "ip": "198.51.100.7"}
    assert node.act("ip", "start", **given) == (0, "")
    start(node, SERVER, "::")
    client = start(neighbour, CLIENT, "198.51.100.7", "1")
    assert node.act("ip", "stop", **given) == (0, "")
    assert client.communicate(timeout=15)[0] == "TimeoutError\n"
