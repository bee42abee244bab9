"""Processes that leave the place where an application's are kept, or pretend to belong to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocf_agents.program.containment import cgroup_root
from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.process import identify
from ocf_agents.runtime.state import State
from tests.rig.on_host.conftest import RECURRING, Node

DEEP = {**RECURRING, "OCF_CHECK_LEVEL": "10"}
SLEEP = {"binfile": "/bin/sleep", "cmdline_options": "601", "user": "nobody"}

Program = Callable[[str], dict[str, str]]


@pytest.fixture
def program(theirs: Path) -> Program:
    """Return a function that makes an application of the user's out of a shell script."""

    def make(script: str) -> dict[str, str]:
        path = theirs / "application"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return {"binfile": str(path), "user": "nobody"}

    return make


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Return the file by which a process gets into a cgroup that is not the application's."""
    folder = Path(f"{cgroup_root()}/takeover-test-elsewhere-{os.getpid()}")
    folder.mkdir()
    procs = folder / "cgroup.procs"
    yield str(procs)
    (folder / "cgroup.kill").write_text("1")
    while procs.read_text():
        time.sleep(0.01)
    folder.rmdir()


def remembered(node: Node) -> dict[str, str]:
    return State({"HA_RSCTMP": str(node.state)}, f"host-test-{os.getpid()}").read()


def number(path: Path) -> int:
    """Return the number in a file, once it is there."""
    deadline = time.monotonic() + 10
    while not path.exists() or not path.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(path.read_text())


def wait_until_dead(pid: int) -> None:
    deadline = time.monotonic() + 10
    while identify(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def without_cgroups(node: Node, how: str) -> None:
    """Make the node one like a container, where an application gets no cgroup of its own."""
    root = str(cgroup_root())
    if how == "read-only":
        node.run("mount", "--bind", root, root)
        node.run("mount", "-o", "remount,bind,ro", root)
    elif how == "absent":
        node.run("umount", "--lazy", root)


def left_behind(node: Node, given: dict[str, str], child: Path) -> int:
    """Start an application, kill its first process, and return what lives on.

    Monitors, also the next probe, say that it lives.
    """
    assert node.act("app", "start", **given) == (0, "")
    pid = number(child)
    main = int(remembered(node)["pid"])
    os.kill(main, signal.SIGKILL)
    wait_until_dead(main)
    for environ in (RECURRING, {}):
        code, said = node.act("app", "monitor", environ, **given)
        assert code == Code.ERR_GENERIC, said
        assert f"sleep ({pid})" in said
    return pid


@pytest.mark.parametrize("how", ["own session", "own session and no variables"])
def test_what_has_left_the_cgroup_is_found(
    node: Node, program: Program, theirs: Path, elsewhere: str, how: str
) -> None:
    """As a container does, or what `systemd-run --scope` starts: known by what it inherited.

    With its own session it still has the variable; without variables it is still in the session.
    """
    Path(elsewhere).chmod(0o666)
    leave = "setsid" if how == "own session" else "env -i"
    child = theirs / "child"
    given = program(
        f"{leave} sh -c 'echo $$ >> {child}; exec sleep 600' &\n"
        f"while ! test -s {child}; do sleep 0.01; done\nexec sleep 601"
    )
    given["user"] = "root"
    given["binfile"] = str(theirs / "application")
    text = Path(given["binfile"]).read_text().replace("echo $$", f"echo 0 > {elsewhere}; echo $$")
    Path(given["binfile"]).write_text(text)
    pid = left_behind(node, given, child)
    assert "elsewhere" in Path(f"/proc/{pid}/cgroup").read_text()
    assert node.act("app", "stop", **given) == (0, "")
    assert identify(pid) is None
    assert node.act("app", "monitor", **given)[0] == Code.NOT_RUNNING


def test_what_has_left_everything_is_found_by_its_parent(
    node: Node, program: Program, theirs: Path, elsewhere: str
) -> None:
    """No variable, no session, no cgroup; as `su -` with pam_systemd, while its parent lives."""
    child = theirs / "child"
    given = program(
        f"env -i setsid sh -c 'echo 0 > {elsewhere}; echo $$ >> {child}; exec sleep 600' &\nwait"
    )
    given["user"] = "root"
    assert node.act("app", "start", **given) == (0, "")
    pid = number(child)
    assert node.act("app", "stop", **given) == (0, "")
    assert identify(pid) is None


def test_a_stop_asks_before_it_kills_what_has_left(
    node: Node, program: Program, theirs: Path, elsewhere: str
) -> None:
    """A database in a container has data to write, too."""
    child, told = theirs / "child", theirs / "told"
    script = theirs / "server"
    script.write_text(
        f"#!/bin/sh\ntrap 'echo asked > {told}; exit' TERM\necho 0 > {elsewhere}\n"
        f"echo $$ >> {child}\nwhile :; do sleep 0.05; done\n"
    )
    script.chmod(0o755)
    given = program(f"setsid {script} &\nexec sleep 601")
    given["user"] = "root"
    assert node.act("app", "start", **given) == (0, "")
    pid = number(child)
    assert node.act("app", "stop", **given) == (0, "")
    assert identify(pid) is None
    assert told.read_text() == "asked\n"


@pytest.mark.parametrize("how", ["read-only", "absent"])
def test_without_a_cgroup_of_its_own_everything_works(
    node: Node, program: Program, theirs: Path, how: str
) -> None:
    """As in a container: a child of another session is found, and the stop leaves nothing."""
    without_cgroups(node, how)
    child = theirs / "child"
    given = program(f"setsid sh -c 'echo $$ > {child}; exec sleep 600' &\nwait")
    pid = left_behind(node, given, child)
    assert node.act("app", "stop", **given) == (0, "")
    assert identify(pid) is None
    assert node.act("app", "monitor", **given)[0] == Code.NOT_RUNNING


def test_root_of_a_user_namespace_bans_no_node(node: Node, tmp_path: Path, place: Path) -> None:
    """It may not make a cgroup, and is root all the same."""
    state = place / "state"
    environ = {
        "OCF_RESOURCE_INSTANCE": f"host-test-{os.getpid()}",
        "HA_RSCTMP": str(state),
        "OCF_RESKEY_binfile": "/bin/sleep",
        "OCF_RESKEY_cmdline_options": "604",
    }
    agent = str(node.agent("app"))
    script = (
        f"{agent} start; echo start $?; {agent} monitor; echo monitor $?; {agent} stop; echo $?"
    )
    inside = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc"]
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    given = [f"{name}={value}" for name, value in environ.items()]
    done = node.run("env", *given, *inside, "sh", "-c", script)
    assert "agents run as root" not in done.stderr
    assert done.stdout == "start 0\nmonitor 0\n0\n", done.stderr


@pytest.mark.parametrize("how", ["", "read-only", "absent"])
@pytest.mark.parametrize("hook", [False, True])
def test_what_a_check_leaves_in_the_background_ends(
    node: Node, theirs: Path, how: str, hook: bool
) -> None:
    """At once, whatever session it has made; and nothing is left after the stop, either."""
    without_cgroups(node, how)
    child, check = theirs / "child", theirs / "check"
    check.write_text(
        f"#!/bin/sh\nsetsid sh -c 'echo $$ > {child}; exec sleep 600' &\n"
        f"while ! test -s {child}; do sleep 0.01; done\n"
    )
    check.chmod(0o755)
    name, value = ("monitor_hook", str(check)) if hook else ("health", f"command:{check}")
    given = {**SLEEP, name: value, "ready": "command:/bin/true"}
    assert node.act("app", "start", **given) == (0, "")
    main = int(remembered(node)["pid"])
    assert node.act("app", "monitor", DEEP, **given) == (0, "")
    assert identify(number(child)) is None
    assert identify(main)
    assert node.act("app", "stop", **given) == (0, "")


def test_what_a_check_leaves_ends_also_when_it_takes_too_long(node: Node, theirs: Path) -> None:
    """The check is killed at its limit, and its children are."""
    child, check = theirs / "child", theirs / "check"
    check.write_text(f"#!/bin/sh\nsetsid sh -c 'echo $$ > {child}; exec sleep 600' &\nwait\n")
    check.chmod(0o755)
    given = {**SLEEP, "health": f"command:{check}", "health_timeout": "1"}
    assert node.act("app", "start", **given) == (0, "")
    code, said = node.act("app", "monitor", DEEP, **given)
    assert code == Code.ERR_GENERIC
    assert "check did not finish in time and was killed" in said
    assert identify(number(child)) is None
    assert node.act("app", "stop", **given) == (0, "")


def test_the_check_of_an_agent_that_was_killed_ends_with_the_next(node: Node, theirs: Path) -> None:
    """Pacemaker kills an agent that takes too long; its check has a session of its own."""
    child = theirs / "child"
    slow = theirs / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ > {child}\nexec sleep 600\n")
    slow.chmod(0o755)
    given = {**SLEEP, "health": f"command:{slow}"}
    assert node.act("app", "start", **given) == (0, "")
    environ = {
        "OCF_RESOURCE_INSTANCE": f"host-test-{os.getpid()}",
        "HA_RSCTMP": str(node.state),
        **{f"OCF_RESKEY_{name}": value for name, value in given.items()},
        **DEEP,
    }
    agent = subprocess.Popen([*node.enter, str(node.agent("app")), "monitor"], env=environ)
    pid = number(child)
    agent.kill()
    agent.wait()
    assert identify(pid)
    given["health"] = "command:/bin/true"
    assert node.act("app", "monitor", DEEP, **given) == (0, "")
    assert identify(pid) is None
    assert node.act("app", "stop", **given) == (0, "")


def test_nobody_can_pretend_to_belong_to_an_application(node: Node) -> None:
    """A stop would be kept busy for ever by somebody else's process that comes back each time."""
    assert node.act("app", "start", **SLEEP) == (0, "")
    mark = remembered(node)["mark"]
    pid = int(remembered(node)["pid"])
    environ = Path(f"/proc/{pid}/environ")
    assert f"TAKEOVER_APP={mark}".encode() in environ.read_bytes().split(b"\0")
    as_other = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", "--"]
    assert (
        subprocess.run(
            [*as_other, "cat", str(environ)], capture_output=True, check=False
        ).returncode
        != 0
    )
    for file in node.state.glob("*.state"):
        assert (
            subprocess.run(
                [*as_other, "cat", str(file)], capture_output=True, check=False
            ).returncode
            != 0
        )
    pretender = subprocess.Popen(["sleep", "605"], env={"TAKEOVER_APP": "shop"})
    assert node.act("app", "stop", **SLEEP) == (0, "")
    assert pretender.poll() is None
    pretender.kill()
    pretender.wait()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])  # noqa: S104
def test_somebody_else_has_the_port_already(node: Node, address: str) -> None:
    """A unit that was left enabled at boot would be taken for the application, until that ends."""
    family = "AF_INET6" if ":" in address else "AF_INET"
    serve = (
        "import socket, time\n"
        f"s = socket.create_server(('{address}', 8765), family=socket.{family},"
        f" dualstack_ipv6={':' in address})\n"
        "print('there', flush=True)\ntime.sleep(600)"
    )
    other = subprocess.Popen(
        [*node.enter, sys.executable, "-IS", "-c", serve], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout
        assert other.stdout.readline() == "there\n"
        for ready in ("tcp:127.0.0.1:8765", "http://localhost:8765/"):
            code, said = node.act("app", "start", **SLEEP, ready=ready)
            assert code == Code.ERR_GENERIC
            assert f"({other.pid}) has port 8765 of" in said
            assert node.act("app", "monitor", **SLEEP)[0] == Code.NOT_RUNNING
    finally:
        other.kill()
        other.wait()


def test_a_flood_of_messages_keeps_no_start_from_ending(node: Node, place: Path) -> None:
    """Anybody may send to the socket whose name is in /proc/net/unix; nobody listens to that."""
    flood = (
        "import socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "end = time.monotonic() + 8\n"
        "while time.monotonic() < end:\n"
        "    for line in open('/proc/net/unix'):\n"
        "        name = line.split()[-1]\n"
        "        if name.startswith('@takeover-app-'):\n"
        "            try:\n"
        "                while True: s.sendto(b'READY=1', '\\0' + name[1:])\n"
        "            except OSError: pass\n"
    )
    script = place / "flood.py"
    script.write_text(flood)
    as_other = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", "--"]
    flooding = subprocess.Popen([*node.enter, *as_other, sys.executable, "-IS", str(script)])
    began = time.monotonic()
    code, said = node.act("app", "start", **SLEEP, ready="notify", ready_timeout="1")
    assert time.monotonic() - began < 8
    assert code == Code.ERR_GENERIC
    assert "it has not sent READY=1" in said
    flooding.kill()
    flooding.wait()
    assert node.act("app", "stop", **SLEEP) == (0, "")


def test_an_application_inherits_no_descriptor(node: Node, theirs: Path) -> None:
    """Neither of the agent's, nor what whoever calls that has left open; nor does a check."""
    seen = theirs / "seen"
    check = theirs / "check"
    check.write_text(f"#!/bin/sh\nls -l /proc/$$/fd > {seen}\n")
    check.chmod(0o755)
    given = {**SLEEP, "health": f"command:{check}", "monitor_hook": "/bin/true"}
    secret = os.open("/etc/shadow", os.O_RDONLY)
    kept = os.dup2(secret, 50, inheritable=True)
    environ = {
        "OCF_RESOURCE_INSTANCE": f"host-test-{os.getpid()}",
        "HA_RSCTMP": str(node.state),
        **{f"OCF_RESKEY_{name}": value for name, value in given.items()},
        **DEEP,
    }
    try:
        for action in ("start", "monitor"):
            subprocess.run(
                [*node.enter, str(node.agent("app")), action],
                env=environ,
                close_fds=False,
                check=True,
            )
        pid = int(remembered(node)["pid"])
        assert {path.name for path in Path(f"/proc/{pid}/fd").iterdir()} == {"0", "1", "2"}
        assert "shadow" not in seen.read_text()
    finally:
        for descriptor in (secret, kept):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        assert node.act("app", "stop", **given) == (0, "")
