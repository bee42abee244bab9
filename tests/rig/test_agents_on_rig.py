"""The agents where systemd is process 1: scopes, the journal, the order of a shutdown."""

import time
from collections.abc import Iterator

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.conftest import Shop
from vagrant.common.waiting import eventually
from vagrant.demo.faults import Fault, inflict
from vagrant.demo.shop import Administrator
from vagrant.one_machine.rig import OneMachineRig
from vagrant.rig import Rig

LONGEST_SHUTDOWN = 120.0  # seconds; it takes two, on a machine that has time
APP = "/usr/lib/ocf/resource.d/takeover/app"

DEAF = """#!/bin/sh
trap '' TERM
sh -c 'trap "" TERM; exec sleep 3131' &
setsid sh -c 'trap "" TERM; exec sleep 3132' &
wait
sleep 3133
"""

TALKS_AND_DIES = """#!/bin/sh
echo "attempt $1"
echo "<3>no such database" >&2
printf "giving up"
exit 3
"""

# systemd-run, which makes the scope, must neither take the messages for its own, nor the limits.
NOTIFIES = """#!/bin/sh
sleep 0.3
setsid systemd-notify --ready --status=serving
echo "$(id -un) $(ulimit -Sn) $(umask) $PWD $SECRET"
trap 'echo "read again"' HUP
while :; do sleep 0.1; done
"""

# Actions are killed with their process group, as Pacemaker does, at ever later moments of a start.
KILLED_STARTS = """
for moment in $(seq 0.01 0.02 0.25); do
    setsid "$0" start & start=$!
    sleep "$moment"
    kill -9 -- "-$start"
    wait "$start"
    "$0" stop || echo "after $moment s: stop failed"
    sleep 0.2
    pgrep -af 'sleep 313[123]'
    "$0" monitor
    test $? = 7 || echo "after $moment s: still there"
done 2>/dev/null
"""


class Node:
    """A node with the agents, on which Pacemaker does not run."""

    def __init__(self, rig: Rig, name: str) -> None:
        self._rig = rig
        self._name = name

    def run(self, *command: str, text: str = "") -> str:
        """Run a command and return what it printed."""
        return self._rig.run(self._name, *command, text=text).stdout

    def program(self, path: str, text: str) -> None:
        """Put a program on the node."""
        self.run("install", "--mode=0755", "/dev/stdin", path, text=text)

    def act(self, action: str, **parameters: str) -> tuple[int, str]:
        """Perform an action of the app agent; return the exit code and what it said."""
        given = [f"OCF_RESKEY_{name}={value}" for name, value in parameters.items()]
        command = ("env", "OCF_RESOURCE_INSTANCE=shop", *given, APP, action)
        done = self._rig.run(self._name, *command)
        return done.returncode, done.stderr


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node of a rig without a cluster."""
    rig = OneMachineRig("test-agents")
    rig.down()
    try:
        rig.up(say=print)
        rig.run("node1", "takeover", "agents", "install", check=True)
        yield Node(rig, "node1")
    finally:
        rig.down()


def test_an_application_starts_again_at_once(node: Node) -> None:
    """The scope of the same name is free again when a stop returns, and is shown by systemd."""
    given = {
        "binfile": "/bin/sleep",
        "cmdline_options": "3131",
        "user": "nobody",
        "ready": "command:/bin/true",
    }
    for _ in range(10):
        assert node.act("start", **given) == (0, "")
        assert node.run("systemctl", "is-active", "takeover-app-shop.scope") == "active\n"
        assert node.act("stop", **given) == (0, "")
    assert node.act("monitor", **given)[0] == Code.NOT_RUNNING


def test_children_that_ignore_everything_are_killed(node: Node) -> None:
    """Also those that have left the session; the scope is gone with them."""
    node.program("/usr/local/bin/deaf", DEAF)
    given = {"binfile": "/usr/local/bin/deaf", "stop_timeout": "1"}
    assert node.act("start", **given) == (0, "")
    assert len(node.run("pgrep", "-f", "sleep 313[12]").split()) == 2
    began = time.monotonic()
    assert node.act("stop", **given) == (0, "")
    # After stop_timeout, and not after two thirds of the time that the action has.
    assert 1 <= time.monotonic() - began < 10
    assert node.run("pgrep", "-f", "sleep 313") == ""
    assert node.run("systemctl", "list-units", "--all", "--no-legend", "takeover-app-*") == ""


def test_the_last_words_of_a_start_come_from_the_journal(node: Node) -> None:
    """All of them, however soon it died, and none of an attempt in the same second."""
    node.program("/usr/local/bin/talks", TALKS_AND_DIES)
    for attempt in range(5):
        code, said = node.act("start", binfile="/usr/local/bin/talks", cmdline_options=str(attempt))
        assert code == Code.ERR_GENERIC
        assert said.endswith("ocf-exit-reason:giving up; talks ended with 3 while starting\n")
        assert f"attempt {attempt}" in said
        assert f"attempt {attempt - 1}" not in said
        assert "no such database" in said


def test_a_scope_is_in_the_way_of_nothing(node: Node) -> None:
    """Notification, limits, user, folder, environment and files reach through to the program."""
    node.program("/usr/local/bin/notifies", NOTIFIES)
    node.run("install", "--mode=0600", "/dev/stdin", "/etc/shop.env", text="SECRET='one two'\n")
    node.run("install", "--directory", "--owner=nobody", "/var/log/shop")
    given = {
        "binfile": "/usr/local/bin/notifies",
        "user": "nobody",
        "ready": "notify",
        "limits": "nofile=321",
        "umask": "027",
        "workdir": "/var/log",
        "environment_file": "/etc/shop.env",
        "logfile": "/var/log/shop/log",
        "reload_signal": "HUP",
    }
    assert node.act("start", **given) == (0, "")
    # What it says after it has said that it is ready comes later.
    log = ("cat", "/var/log/shop/log")
    assert eventually(lambda: node.run(*log) != "", LONGEST_SHUTDOWN)
    assert node.run(*log) == "nobody 321 0027 /var/log one two\n"
    assert node.act("reload-agent", **given) == (0, "")
    assert node.act("monitor", **given) == (0, "")
    # A shell heeds a signal when its command has ended, and a stop does not wait for that.
    last = ("tail", "--lines=1", "/var/log/shop/log")
    assert eventually(lambda: node.run(*last) == "read again\n", LONGEST_SHUTDOWN)
    assert node.act("stop", **given) == (0, "")
    assert "one two" not in node.run("journalctl", "--no-pager")


def test_a_start_may_be_killed_at_any_moment(node: Node) -> None:
    """The stop that follows ends whatever the start has left, and nothing appears later."""
    node.program("/usr/local/bin/deaf", DEAF)
    given = ["OCF_RESKEY_binfile=/usr/local/bin/deaf", "OCF_RESKEY_stop_timeout=0"]
    command = ("sh", "-c", KILLED_STARTS, APP)
    assert node.run("env", "OCF_RESOURCE_INSTANCE=killed", *given, *command) == ""


def _shut_down(admin: Administrator, node: str) -> None:
    admin.rig.run(node, "systemctl", "poweroff")
    limit = LONGEST_SHUTDOWN * admin.rig.equipment.patience
    assert eventually(lambda: _is_off(admin.rig, node), limit, pause=0.2)


def _is_off(rig: Rig, node: str) -> bool:
    return bool(rig.status()["nodes"][node]["power"] == "off")


def _switch_on(admin: Administrator, node: str) -> None:
    admin.rig.power(node, "on")


def test_a_shutdown_of_a_node_moves_the_service_in_order(shop: Shop) -> None:
    """Pacemaker stops it before systemd ends anything of it, so nobody has to be fenced."""
    before = _fencings(shop.rig)
    fault = Fault("orderly shutdown", _shut_down, _switch_on, moves=True)
    outcome = inflict(fault, shop.admin, shop.client)
    print(outcome)
    assert outcome.lost == outcome.double_mounts == 0
    assert outcome.source != outcome.target
    assert _fencings(shop.rig) == before


def _fencings(rig: Rig) -> str:
    return rig.run(rig.layout.node_names[0], "stonith_admin", "--history", "*").stdout
