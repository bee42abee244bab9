"""An agent tells the watcher what to watch, and never fails over it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ocf_agents.runtime import registration, systemd, watched
from ocf_agents.runtime.agent import Action, AgentError, Code
from ocf_agents.runtime.watched import Watched
from ocf_agents.watcher import daemon
from ocf_agents.watcher.registered import Registration
from tests.unit.ocf_agents.conftest import Act
from tests.watching import LIMIT
from vagrant.common.waiting import eventually

NODE = {"OCF_RESKEY_CRM_meta_on_node": "node1"}
RECURRING = {**NODE, "OCF_RESKEY_CRM_meta_interval": "10000"}


class Example(Watched):
    """An agent of which everything works."""

    name = "example"
    short = "Example"
    long = "An agent for tests."
    actions = (Action("start", timeout=30), Action("reload-agent", timeout=20))
    seen: tuple[list[str], ...] = ()

    def start(self) -> None:
        """Start."""

    def stop(self) -> None:
        """Stop, and note whether it is still registered."""
        assert not Path(registration.path(self.environ, self.instance)).exists()

    def monitor(self) -> int:
        """Run."""
        return Code.SUCCESS

    def watches(self) -> list[str]:
        """Watch two things."""
        return ["link 1", "mount 8:0 rw /srv/a\\040b"]


class Blind(Example):
    """An agent that cannot find out what to watch."""

    def watches(self) -> list[str]:
        """Find nothing."""
        raise AgentError("the device hangs")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the folders for which a watcher is started."""
    folders: list[str] = []
    monkeypatch.setattr(watched, "_start_watcher", folders.append)
    return folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the registrations."""
    return tmp_path / "rsctmp" / "takeover-watch"


@pytest.fixture
def door(folder: Path) -> Iterator[socket.socket]:
    """Return the socket of a watcher that runs."""
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(folder / "socket"))
        opened.setblocking(False)
        yield opened


def test_a_start_registers_and_starts_the_watcher(
    act: Act, started: list[str], folder: Path
) -> None:
    """The registration says what, where and in which namespaces; only root may see it."""
    assert act(Example, "start", environ=NODE).code == Code.SUCCESS
    found = Registration(str(folder / "shop.watch"))
    assert (found.resource, found.node) == ("shop", "node1")
    assert found.watches == ["link 1", "mount 8:0 rw /srv/a\\040b"]
    assert found.namespaces.split()[0] == str(Path("/proc/self/ns/mnt").readlink())
    assert started == [str(folder)]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert _names(folder) == ["shop.watch"]


def test_a_watcher_that_runs_is_woken(act: Act, started: list[str], door: socket.socket) -> None:
    """It is sent a datagram, and no other is started."""
    act(Example, "start", environ=NODE)
    assert door.recv(10)
    assert started == []


def test_a_watcher_with_enough_to_read_is_left_alone(
    act: Act, started: list[str], door: socket.socket
) -> None:
    """A start never waits for it."""
    for _ in range(1000):
        assert watched._send(str(door.getsockname()))
    assert act(Example, "start", environ=NODE).code == Code.SUCCESS
    assert started == []


def test_a_stop_withdraws_first(act: Act, started: list[str], folder: Path) -> None:
    """Before anything is ended the registration is gone; a stop without one is fine."""
    act(Example, "start", environ=NODE)
    for _ in range(2):
        assert act(Example, "stop", environ=NODE).code == Code.SUCCESS
    assert _names(folder) == []
    assert started == [str(folder)]


@pytest.mark.parametrize(
    ("environ", "parameters"), [({}, {}), (NODE, {"watch": "false"}), (NODE, {"watch": "0"})]
)
def test_nothing_is_registered_that_nobody_would_hear_of(
    environ: dict[str, str], parameters: dict[str, str], act: Act, started: list[str],
    folder: Path,
) -> None:  # fmt: skip
    """Neither of a start by hand, nor with watch=false."""
    act(Example, "start", environ=environ, **parameters)
    act(Example, "monitor", environ={**environ, "OCF_RESKEY_CRM_meta_interval": "1"}, **parameters)
    assert not folder.exists()
    assert started == []


def test_a_stop_takes_what_a_killed_start_has_half_written(tmp_path: Path) -> None:
    """After a stop there is no file of the resource at all."""
    environ = {"HA_RSCTMP": str(tmp_path)}
    registration.write(environ, "shop", "node1", [])
    path = Path(registration.path(environ, "shop"))
    path.rename(path.with_suffix(registration.TEMPORARY))
    registration.withdraw(environ, "shop")
    assert not list(path.parent.iterdir())


def test_a_monitor_starts_a_watcher_that_died(act: Act, started: list[str]) -> None:
    """As long as there is something to watch."""
    act(Example, "monitor", environ=RECURRING)
    assert started == []
    act(Example, "start", environ=NODE)
    act(Example, "monitor", environ=RECURRING)
    assert len(started) == 2


def test_a_probe_starts_none(act: Act, started: list[str]) -> None:
    """Whatever an earlier boot has left."""
    act(Example, "start", environ=NODE)
    act(Example, "monitor", environ=NODE)
    assert len(started) == 1


def test_a_reload_turns_it_off_and_on(act: Act, started: list[str], folder: Path) -> None:
    """A changed `watch` takes effect without a restart."""
    act(Example, "start", environ=NODE)
    before = registration.identity(str(folder / "shop.watch"))
    act(Example, "reload-agent", environ=NODE, watch="false")
    assert _names(folder) == []
    act(Example, "reload-agent", environ=NODE, watch="true")
    assert registration.identity(str(folder / "shop.watch")) not in ((), before)
    assert len(started) == 2


@pytest.mark.parametrize("agent", [Example, Blind])
def test_it_never_makes_an_action_fail(
    agent: type[Watched], act: Act, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder, without a program, without an answer: the monitor finds failures."""
    folder.parent.mkdir(parents=True)
    folder.write_text("a file in its place")
    for action in ("start", "stop"):
        assert act(agent, action, environ=NODE).code == Code.SUCCESS
    folder.unlink()
    monkeypatch.setattr(systemd, "RUNNING", "/")
    monkeypatch.setattr(watched, "SYSTEMD_RUN", "/nonexistent")
    for action in ("start", "monitor", "reload-agent", "stop"):
        outcome = act(agent, action, environ=RECURRING)
        assert outcome.code == Code.SUCCESS
        assert "ocf-exit-reason" not in outcome.reason


def test_names_cannot_collide(act: Act, started: list[str], folder: Path) -> None:
    """Whatever a resource is called, its file is none of the watcher's own."""
    for name in ("socket", "lock", "x.watch", "x.new", "..", "a/b"):
        act(Example, "start", environ={**NODE, "OCF_RESOURCE_INSTANCE": name})
    assert len(started) == 6
    assert _names(folder) == [
        *("...watch", "a:2fb.watch", "lock.watch", "socket.watch", "x.new.watch", "x.watch.watch"),
    ]


def test_the_watcher_is_started_as_a_service_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where systemd runs: so it neither dies with Pacemaker nor keeps it from ending."""
    calls = tmp_path / "calls"
    program = tmp_path / "systemd-run"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {calls}.new\nmv {calls}.new {calls}\n')
    program.chmod(0o755)
    monkeypatch.setattr(systemd, "RUNNING", "/")
    monkeypatch.setattr(watched, "SYSTEMD_RUN", str(program))
    watched.wake({"HA_RSCTMP": str(tmp_path)})
    assert eventually(calls.exists, LIMIT)
    arguments = calls.read_text().splitlines()
    assert {"--no-block", "--collect", "--unit=takeover-watcher"} <= set(arguments)
    source = daemon.__file__
    assert arguments[-4:] == [sys.executable, "-IS", source, f"{tmp_path}/takeover-watch"]


def _processes_with(argument: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if argument.encode() in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def test_the_watcher_that_is_started_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without systemd it is a process of a session of its own, with nothing of its starter's."""
    monkeypatch.setattr(systemd, "RUNNING", "/nonexistent")
    environ = {"HA_RSCTMP": str(tmp_path)}
    registration.write(environ, "shop", "node1", [])
    door = Path(registration.folder(environ)) / "socket"
    watched.wake(environ)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        assert eventually(lambda: connection.connect_ex(str(door)) == 0, LIMIT)
        [pid] = _processes_with(str(door.parent))
        assert os.getsid(pid) == pid
        standard = {(Path(f"/proc/{pid}/fd") / number).readlink() for number in ("0", "1", "2")}
        assert standard == {Path("/dev/null")}
        assert Path(f"/proc/{pid}/environ").read_bytes() == b""
        door.unlink()  # it ends when it sees that
        connection.send(b"!")
        assert os.waitpid(pid, 0)[1] == 0


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
