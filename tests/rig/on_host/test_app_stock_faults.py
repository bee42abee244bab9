"""ocf:takeover:app in place of ocf:heartbeat:anything: the switch, and faults that go with it."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.process import identify
from ocf_agents.runtime.state import State
from tests.rig.on_host.conftest import RECURRING, Node

STOCK = "/usr/lib/ocf/resource.d/heartbeat/anything"

pytestmark = pytest.mark.skipif(not Path(STOCK).exists(), reason="needs resource-agents")

Act = Callable[..., int]
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)


@pytest.fixture
def stock(node: Node) -> Act:
    """Return a function that performs an action of the stock agent and returns the exit code."""
    # It starts login shells. What root's does on this machine is not the agent's fault.
    for profile in (Path.home() / name for name in (".profile", ".bash_profile", ".bash_login")):
        if profile.exists():
            node.run("mount", "--bind", "/dev/null", str(profile))

    def act(action: str, given: dict[str, str], environ: dict[str, str] | None = None) -> int:
        return node.act(STOCK, action, {"OCF_ROOT": "/usr/lib/ocf", **(environ or {})}, **given)[0]

    return act


@pytest.fixture
def init() -> Iterator[None]:
    """Make this process the parent of orphans: stock agents rely on one that takes note of them."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    assert prctl(SUBREAPER, 1) == 0
    yield
    assert prctl(SUBREAPER, 0) == 0


@pytest.fixture
def ours(node: Node) -> Act:
    """Return a function that performs an action of our agent and returns the exit code."""

    def act(action: str, given: dict[str, str], environ: dict[str, str] | None = None) -> int:
        return node.act("app", action, environ, **given)[0]

    return act


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder for what a resource needs, which every user may look into."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


@pytest.fixture
def sleep(place: Path) -> dict[str, str]:
    """Return the parameters of a resource, the same for both agents."""
    return {
        "binfile": "/bin/sleep",
        "cmdline_options": "601",
        "user": "root",
        "pidfile": str(place / "pid"),
    }


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that has nothing to do with the resource."""
    process = subprocess.Popen(["sleep", "602"])
    reaper = threading.Thread(target=process.wait)  # for a zombie the stock agent waits for ever
    reaper.start()
    yield process
    process.kill()
    reaper.join()


def remember(node: Node, pid: int, started: str = "1") -> None:
    """Have our agent remember a process, as it is when a number was used again."""
    instance = f"host-test-{os.getpid()}"
    State({"HA_RSCTMP": str(node.state)}, instance).write({"pid": str(pid), "started": started})


def read_number(path: Path) -> int:
    """Return the number in a file, once it is there."""
    deadline = time.monotonic() + 10
    while not path.exists() or not path.read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(path.read_text())


def test_a_resource_switches_and_back(stock: Act, ours: Act, place: Path) -> None:
    """With the same parameters, all that the stock agent has; each finds nothing of the other."""
    program = place / "program"
    program.write_text('#!/bin/sh\necho "$PWD $*"; echo error >&2; exec sleep 601\n')
    program.chmod(0o755)
    given = {
        "binfile": str(program),
        "cmdline_options": "-v 'two words'",
        "workdir": str(place),
        "pidfile": str(place / "pid"),
        "logfile": str(place / "log"),
        "errlogfile": str(place / "errors"),
        "user": "root",
        "monitor_hook": f"test -e {program}",
        "stop_timeout": "5",
    }
    for act in (stock, ours, stock):
        assert act("monitor", given) == Code.NOT_RUNNING
        assert act("start", given) == Code.SUCCESS
        assert act("monitor", given, RECURRING) == Code.SUCCESS
        pid = int((place / "pid").read_text())
        assert identify(pid)
        assert act("stop", given) == Code.SUCCESS
        assert identify(pid) is None
        assert not (place / "pid").exists()
    assert (place / "log").read_text() == f"{place} -v two words\n" * 3
    assert (place / "errors").read_text() == "error\n" * 3


def test_a_number_that_was_used_again(
    node: Node, stock: Act, ours: Act, sleep: dict[str, str], bystander: subprocess.Popen[bytes]
) -> None:
    """Stock: running, and a stop kills a stranger. Ours: not running, and nobody is touched."""
    Path(sleep["pidfile"]).write_text(f"{bystander.pid}\n")
    remember(node, bystander.pid)
    assert ours("monitor", sleep) == Code.NOT_RUNNING
    assert stock("monitor", sleep) == Code.SUCCESS
    assert ours("stop", sleep) == Code.SUCCESS
    assert bystander.poll() is None
    Path(sleep["pidfile"]).write_text(f"{bystander.pid}\n")
    assert stock("stop", sleep) == Code.SUCCESS
    assert bystander.wait() == -signal.SIGTERM


def test_a_pidfile_from_before_a_reboot(stock: Act, ours: Act, sleep: dict[str, str]) -> None:
    """Stock: a probe fails, so that the cluster "recovers" what never ran. Ours: not running."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    Path(sleep["pidfile"]).write_text(f"{ended.pid}\n")
    assert stock("monitor", sleep) == Code.ERR_GENERIC
    assert ours("monitor", sleep) == Code.NOT_RUNNING


def test_a_zombie(node: Node, stock: Act, ours: Act, sleep: dict[str, str]) -> None:
    """Stock: a dead process whose parent has not taken note of it runs. Ours: it does not."""
    zombie = subprocess.Popen(["sleep", "602"])
    process = identify(zombie.pid)
    assert process is not None
    Path(sleep["pidfile"]).write_text(f"{zombie.pid}\n")
    remember(node, zombie.pid, process.started)
    assert ours("monitor", sleep, RECURRING) == Code.SUCCESS
    zombie.kill()
    process.wait(5)
    assert stock("monitor", sleep, RECURRING) == Code.SUCCESS
    assert ours("monitor", sleep, RECURRING) == Code.NOT_RUNNING
    zombie.wait()


def test_children(stock: Act, ours: Act, place: Path, sleep: dict[str, str]) -> None:
    """Stock: a stop leaves them at work on the data. Ours: none is left, in whatever session."""
    program, child = place / "program", place / "child"
    program.write_text(f"#!/bin/sh\nsetsid sleep 603 &\necho $! > {child}\nwait\n")
    program.chmod(0o755)
    given = {**sleep, "binfile": str(program)}
    left = []
    for act in (stock, ours):
        child.unlink(missing_ok=True)
        assert act("start", given) == Code.SUCCESS
        pid = read_number(child)
        assert act("stop", given) == Code.SUCCESS
        left.append(identify(pid) is not None)
        if left[-1]:
            os.kill(pid, signal.SIGKILL)
    assert left == [True, False]


@pytest.mark.usefixtures("init")
def test_children_of_a_program_that_was_killed(
    stock: Act, ours: Act, place: Path, sleep: dict[str, str]
) -> None:
    """Stock: after a stop the next start runs beside them. Ours: the stop has ended them."""
    program, child = place / "program", place / "child"
    program.write_text(f"#!/bin/sh\nsleep 603 &\necho $! > {child}\nwait\n")
    program.chmod(0o755)
    given = {**sleep, "binfile": str(program)}
    left = []
    for act in (stock, ours):
        child.unlink(missing_ok=True)
        assert act("start", given) == Code.SUCCESS
        pid = read_number(child)
        main = read_number(Path(sleep["pidfile"]))
        os.kill(main, signal.SIGKILL)
        os.waitpid(main, 0)
        assert act("monitor", given, RECURRING) == Code.ERR_GENERIC
        assert act("stop", given) == Code.SUCCESS
        left.append(identify(pid) is not None)
        if left[-1]:
            os.kill(pid, signal.SIGKILL)
    assert left == [True, False]


@pytest.mark.usefixtures("init")
def test_a_program_that_does_not_start(
    node: Node, stock: Act, place: Path, sleep: dict[str, str]
) -> None:
    """Stock: the start succeeds, and a later monitor fails. Ours: it fails, with the last words."""
    program = place / "program"
    program.write_text("#!/bin/sh\nsleep 0.2\necho no database >&2\nexit 3\n")
    program.chmod(0o755)
    given = {**sleep, "binfile": str(program)}
    assert stock("start", given) == Code.SUCCESS
    os.waitpid(read_number(Path(sleep["pidfile"])), 0)
    assert stock("monitor", given, RECURRING) == Code.ERR_GENERIC
    assert stock("stop", given) == Code.SUCCESS
    code, said = node.act("app", "start", **given)
    assert code == Code.ERR_GENERIC
    assert "no database; program ended with 3 while starting" in said


def test_a_program_that_is_not_there(
    node: Node, stock: Act, ours: Act, sleep: dict[str, str]
) -> None:
    """Stock: tried here again and again, without a reason. Ours: exit 5, for another node."""
    given = {**sleep, "binfile": "/nowhere/program"}
    assert stock("start", given) in (Code.SUCCESS, Code.ERR_GENERIC)
    assert stock("stop", given) == Code.SUCCESS
    code, said = node.act("app", "start", **given)
    assert code == Code.ERR_INSTALLED
    assert "ocf-exit-reason:the program /nowhere/program is not on this host" in said
    assert ours("stop", given) == Code.SUCCESS


def test_the_folder_of_the_pidfile(stock: Act, ours: Act, place: Path) -> None:
    """Stock: a folder of root's, such as /run, is given to the user. Ours: it stays root's."""
    owners: list[int] = []
    for act in (ours, stock):
        folder = place / str(len(owners))
        folder.mkdir()
        given = {"binfile": "/bin/sleep", "cmdline_options": "601", "user": "nobody"}
        given["pidfile"] = str(folder / "pid")
        act("start", given)
        owners.append(folder.stat().st_uid)
        assert act("stop", given) == Code.SUCCESS
    assert owners == [0, pwd.getpwnam("nobody").pw_uid]


def test_arguments_that_a_shell_would_read(
    stock: Act, ours: Act, place: Path, sleep: dict[str, str]
) -> None:
    """Stock: they are evaluated, by three shells. Ours: the program gets them as they are."""
    program = place / "program"
    program.write_text(f'#!/bin/sh\necho "$@" > {place}/arguments\nexec sleep 601\n')
    program.chmod(0o755)
    given = {**sleep, "binfile": str(program), "cmdline_options": f"$(touch${{IFS}}{place}/made)"}
    assert ours("start", given) == Code.SUCCESS
    assert (place / "arguments").read_text() == given["cmdline_options"] + "\n"
    assert not (place / "made").exists()
    assert ours("stop", given) == Code.SUCCESS
    stock("start", given)
    assert (place / "made").exists()
    stock("stop", given)


def test_the_time_of_a_stop(stock: Act, ours: Act, sleep: dict[str, str]) -> None:
    """Stock: it looks once a second whether the program has ended. Ours: it is told.

    The shortest of three counts: on a busy machine, one of ours may take a second, too.
    """

    def shortest(act: Act) -> float:
        took = []
        for _ in range(3):
            assert act("start", sleep) == Code.SUCCESS
            time.sleep(0.3)
            began = time.monotonic()
            assert act("stop", sleep) == Code.SUCCESS
            took.append(time.monotonic() - began)
        return min(took)

    assert shortest(stock) >= 1
    assert shortest(ours) < 0.9
