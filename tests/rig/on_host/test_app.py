"""The application, with real processes in a real cgroup."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.program.containment import cgroup_root
from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.process import identify
from tests.rig.on_host.conftest import RECURRING, Node


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Return a folder that every user may write to, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="takeover-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_an_application_in_a_cgroup(node: Node, public_folder: Path) -> None:
    """A child that has left the session is still found, after its parent was killed."""
    child = public_folder / "child"
    script = public_folder / "application"
    script.write_text(
        f"#!/bin/sh\nsetsid sh -c 'echo $PPID $$ > {child}; exec sleep 600' &\nwait\n"
    )
    script.chmod(0o755)
    given = {"binfile": str(script), "user": "nobody", "ready": f"command:/usr/bin/test -s {child}"}
    assert node.act("app", "start", **given) == (0, "")
    parent, pid = map(int, child.read_text().split())
    assert Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert node.act("app", "monitor", RECURRING, **given) == (0, "")
    os.kill(parent, 9)
    time.sleep(0.1)
    code, said = node.act("app", "monitor", RECURRING, **given)
    assert code == Code.ERR_GENERIC
    assert f"left sleep ({pid}) behind" in said
    assert node.act("app", "stop", **given) == (0, "")
    assert identify(pid) is None
    assert node.act("app", "monitor", **given)[0] == Code.NOT_RUNNING


def test_a_start_that_was_killed_leaves_nothing_unknown(node: Node) -> None:
    """Without its state file, the application is still found by its cgroup and stopped."""
    given = {"binfile": "/bin/sleep", "cmdline_options": "601"}
    assert node.act("app", "start", **given) == (0, "")
    node.forget()
    code, said = node.act("app", "monitor", **given)
    assert code == Code.ERR_GENERIC
    assert "left sleep (" in said
    assert node.act("app", "stop", **given) == (0, "")
    assert node.act("app", "monitor", **given)[0] == Code.NOT_RUNNING


def test_an_application_runs_with_all_groups_of_its_user(node: Node, public_folder: Path) -> None:
    """And with no group of root's, nor any of its privileges."""
    seen = public_folder / "seen"
    script = f"cat /proc/self/status > {seen}.new; mv {seen}.new {seen}; exec sleep 601"
    given = {"binfile": "/bin/sh", "cmdline_options": f"-c '{script}'", "user": "nobody"}
    given["ready"] = f"command:/usr/bin/test -s {seen}"
    assert node.act("app", "start", **given) == (0, "")
    status = dict(line.split(":\t", 1) for line in seen.read_text().splitlines())
    nobody = pwd.getpwnam("nobody")
    groups = os.getgrouplist("nobody", nobody.pw_gid)
    assert set(map(int, status["Groups"].split())) == set(groups)
    assert set(status["Uid"].split()) == {str(nobody.pw_uid)}
    assert set(status["Gid"].split()) == {str(nobody.pw_gid)}
    assert int(status["CapEff"], 16) == 0
    assert node.act("app", "stop", **given) == (0, "")


def test_only_the_applications_cgroup_can_say_that_it_is_ready(
    node: Node, public_folder: Path
) -> None:
    """A child of another session may; the same program outside of the cgroup may not."""
    name = public_folder / "name"
    inside = "setsid systemd-notify --ready --status=serving"
    script = f"echo $NOTIFY_SOCKET > {name}; sleep 0.2; {inside}; exec sleep 601"
    given = {"binfile": "/bin/sh", "cmdline_options": f"-c '{script}'", "user": "nobody"}
    assert node.act("app", "start", **given, ready="notify") == (0, "")
    assert node.act("app", "stop", **given) == (0, "")
    name.unlink()
    given["cmdline_options"] = f"-c 'echo $NOTIFY_SOCKET > {name}; exec sleep 601'"
    outside = subprocess.Popen(
        [
            *(*node.enter, "sh", "-c"),
            f"while ! test -s {name}; do sleep 0.05; done; "
            f"NOTIFY_SOCKET=$(cat {name}) timeout 5 systemd-notify --ready",
        ]
    )
    code, said = node.act("app", "start", **given, ready="notify", ready_timeout="2")
    assert code == Code.ERR_GENERIC
    assert "it has not sent READY=1" in said
    outside.wait(10)
    assert node.act("app", "stop", **given) == (0, "")


def test_a_stop_leaves_nothing(node: Node) -> None:
    """No process, no cgroup, no file but the log of an application without a journal."""
    given = {"binfile": "/bin/sleep", "cmdline_options": "601"}
    assert node.act("app", "start", **given) == (0, "")
    cgroup = Path(f"{cgroup_root()}/takeover-app-host-test-{os.getpid()}")
    assert cgroup.is_dir()
    assert node.act("app", "stop", **given) == (0, "")
    assert not cgroup.exists()
    assert [path.suffix for path in node.state.iterdir() if path.is_file()] in ([], [".log"])
