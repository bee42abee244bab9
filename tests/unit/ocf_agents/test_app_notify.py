"""Applications that say by themselves when they are ready (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from ocf_agents.app import App
from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.process import identify
from ocf_agents.runtime.state import State
from tests.unit.fakes.applications import RECURRING, python, shell, wait_for
from tests.unit.ocf_agents.conftest import Act

pytestmark = pytest.mark.usefixtures("no_process_left")

# What an application does to talk to systemd: the library's part, in Python.
SAY = """
import array, os, socket, time
def say(text, *descriptors):
    to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    name = os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1)
    to.sendmsg([text.encode()], rights if descriptors else [], 0, name)
"""


def test_a_start_waits_for_the_message(act: Act, tmp_path: Path) -> None:
    """It returns at READY=1, not before, and no socket is left behind."""
    ready = tmp_path / "ready"
    parameters = python(
        tmp_path,
        f"{SAY}\nsay('STATUS=loading')\ntime.sleep(0.4)\nopen({str(ready)!r}, 'w').close()\n"
        "say('READY=1\\nSTATUS=serving')\ntime.sleep(300)",
    )
    assert act(App, "start", **parameters, ready="notify").code == Code.SUCCESS
    assert ready.exists()
    assert act(App, "monitor", **parameters, environ=RECURRING).code == Code.SUCCESS
    assert "@takeover-app-" not in Path("/proc/net/unix").read_text()


def test_a_second_start_does_not_ask_again(act: Act, tmp_path: Path, state: State) -> None:
    """What the application had to say it has said; a start that was killed before is repeated."""
    parameters = python(tmp_path, f"{SAY}\nsay('READY=1')\ntime.sleep(300)")
    assert act(App, "start", **parameters, ready="notify").code == Code.SUCCESS
    values = state.read()
    assert act(App, "start", **parameters, ready="notify").code == Code.SUCCESS
    assert state.read() == values
    state.write({"pid": values["pid"], "started": values["started"]})
    assert act(App, "start", **parameters, ready="notify").code == Code.SUCCESS
    assert state.read()["pid"] != values["pid"]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ("say('STATUS=recovering, 12 %')", "recovering, 12 %"),
        ("pass", "it has not sent READY=1"),
        ("say('READY=0')", "it has not sent READY=1"),
    ],
)
def test_the_reason_has_its_status(act: Act, tmp_path: Path, messages: str, reason: str) -> None:
    """An application that does not become ready in time is quoted."""
    parameters = python(tmp_path, f"{SAY}\n{messages}\ntime.sleep(300)")
    outcome = act(App, "start", **parameters, ready="notify", ready_timeout="1")
    assert outcome.code == Code.ERR_GENERIC
    assert outcome.kept == f"{reason}; application.py did not become ready in time"


def test_the_status_of_an_application_that_dies_is_told(act: Act, tmp_path: Path) -> None:
    """If it has not printed anything, its last status is the reason, however quickly it dies."""
    parameters = python(tmp_path, f"{SAY}\nsay('STATUS=no disk')\nos._exit(3)")
    outcome = act(App, "start", **parameters, ready="notify")
    assert outcome.kept == "no disk; application.py ended with 3 while starting"


def test_nobody_else_can_say_that_it_is_ready(act: Act, tmp_path: Path) -> None:
    """The kernel tells who has sent a message, and only the application's own processes count."""
    name = tmp_path / "name"
    parameters = shell(tmp_path, f"echo $NOTIFY_SOCKET > {name}\nexec sleep 300")

    def pretend() -> None:
        to = "\0" + wait_for(name).strip().removeprefix("@")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"STATUS=pretended\nREADY=1\nMAINPID=%d" % os.getpid(), to)

    stranger = threading.Thread(target=pretend)
    stranger.start()
    outcome = act(App, "start", **parameters, ready="notify", ready_timeout="1")
    stranger.join()
    assert outcome.kept.startswith("it has not sent READY=1;")


def test_a_barrier_is_answered(act: Act, tmp_path: Path) -> None:
    """Descriptors that come with a message are closed: sd_notify_barrier(3) waits for that."""
    passed = tmp_path / "passed"
    parameters = python(
        tmp_path,
        f"{SAY}\nreader, writer = os.pipe()\nsay('BARRIER=1', writer)\nos.close(writer)\n"
        f"os.read(reader, 1)\nopen({str(passed)!r}, 'w').close()\nsay('READY=1')\ntime.sleep(300)",
    )
    assert act(App, "start", **parameters, ready="notify").code == Code.SUCCESS
    assert passed.exists()


def test_systemd_notify_gets_its_answer(act: Act, tmp_path: Path) -> None:
    """It says READY=1 first and asks afterwards: a start that is over by then is too early for it.

    Else it fails, and with it a script that is careful about failures.
    """
    said = tmp_path / "said"
    parameters = python(
        tmp_path,
        f"{SAY}\nif os.fork():\n    time.sleep(300)\n"
        "open('/proc/self/comm', 'w').write('systemd-notify')\n"
        "say('READY=1')\ntime.sleep(0.3)\nreader, writer = os.pipe()\n"
        f"try:\n    say('BARRIER=1', writer)\n    os.close(writer)\n    os.read(reader, 1)\n"
        f"except OSError as error:\n    open({str(said)!r}, 'w').write(str(error))\n"
        f"else:\n    open({str(said)!r}, 'w').write('answered')",
    )
    assert act(App, "start", **parameters, ready="notify").code == Code.SUCCESS
    assert wait_for(said) == "answered"


def test_the_first_process_may_be_another_one(act: Act, tmp_path: Path, state: State) -> None:
    """With MAINPID an application hands over to a child: that is watched and ended then."""
    parameters = python(
        tmp_path,
        f"{SAY}\nif os.fork():\n    os.wait()\n"
        "say(f'MAINPID={os.getpid()}\\nREADY=1')\ntime.sleep(300)",
    )
    assert act(App, "start", **parameters, ready="notify").code == Code.SUCCESS
    child = int(state.read()["pid"])
    parent = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid()
    environ = {"HA_RSCTMP": str(Path(state.path).parent), "OCF_RESOURCE_INSTANCE": "shop"}
    assert App(environ).watches() == [f"process {child} {state.read()['started']}"]
    os.kill(parent, 9)
    deadline = time.monotonic() + 5
    while identify(parent):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert act(App, "monitor", **parameters, environ=RECURRING).code == Code.SUCCESS
    assert act(App, "stop", **parameters).code == Code.SUCCESS
    assert identify(child) is None


def test_the_first_process_is_one_of_its_own(act: Act, tmp_path: Path, state: State) -> None:
    """A MAINPID of somebody else's process would have a stop kill that."""
    parameters = python(tmp_path, f"{SAY}\nsay('MAINPID=1\\nREADY=1')\ntime.sleep(300)")
    assert act(App, "start", **parameters, ready="notify").code == Code.SUCCESS
    assert state.read()["pid"] != "1"


def test_only_a_ready_check_can_wait_for_a_message(act: Act) -> None:
    """Nobody listens later, so that a health check cannot."""
    outcome = act(App, "validate-all", binfile="/bin/sleep", health="notify")
    assert outcome.code == Code.ERR_CONFIGURED
    assert act(App, "validate-all", binfile="/bin/sleep", ready="notify").code == Code.SUCCESS
