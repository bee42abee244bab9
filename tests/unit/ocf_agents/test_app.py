"""The app agent, with real processes of an ordinary user."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from ocf_agents.app import App
from ocf_agents.program import containment, spawn
from ocf_agents.program.identity import Identity
from ocf_agents.runtime import state as state_module
from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.process import identify
from ocf_agents.runtime.state import State
from tests.unit.fakes.applications import HEALTH, RECURRING, SLEEP, shell, wait_for
from tests.unit.ocf_agents.conftest import Act

SYS_EXIT = {"x86_64": 60, "aarch64": 93}  # _exit(2) of one thread, by machine


pytestmark = pytest.mark.usefixtures("no_process_left")


def listener(tmp_path: Path, told: Path, ready: Path) -> dict[str, str]:
    """Return the parameters of an application that waits for a signal and writes its name."""
    path = tmp_path / "listener"
    path.write_text(f"""\
#!{sys.executable} -IS
import signal

signals = [signal.SIGINT, signal.SIGTERM]
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
with open({str(ready)!r}, "w") as file:
    file.write("ready")
name = signal.Signals(signal.sigwait(signals)).name
with open({str(told)!r}, "w") as file:
    file.write(name)
""")
    path.chmod(0o755)
    return {"binfile": str(path)}


def test_the_life_of_an_application(act: Act, state: State) -> None:
    """Absent, started twice, running, stopped twice, absent."""
    assert act(App, "monitor", **SLEEP).code == Code.NOT_RUNNING
    assert act(App, "start", **SLEEP).code == Code.SUCCESS
    pid = int(state.read()["pid"])
    assert act(App, "start", **SLEEP).code == Code.SUCCESS
    assert int(state.read()["pid"]) == pid
    assert act(App, "monitor", **SLEEP, environ=RECURRING).code == Code.SUCCESS
    assert act(App, "stop", **SLEEP).code == Code.SUCCESS
    assert identify(pid) is None
    assert act(App, "stop", **SLEEP).code == Code.SUCCESS
    assert act(App, "monitor", **SLEEP).code == Code.NOT_RUNNING


def test_the_application_is_detached(act: Act, state: State) -> None:
    """It has its own session, no input, none of the agent's descriptors and no ignored SIGPIPE."""
    act(App, "start", **SLEEP)
    pid = int(state.read()["pid"])
    assert os.getsid(pid) == pid
    links = {path.name: str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    assert sorted(links) == ["0", "1", "2"]
    assert links["0"] == "/dev/null"
    assert links["1"] == links["2"]
    assert links["1"].endswith("takeover-app-shop.log")
    status = Path(f"/proc/{pid}/status").read_text()
    [ignored] = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn")]
    assert not int(ignored, 16) & 1 << (signal.SIGPIPE - 1)


def test_the_application_is_remembered_before_it_can_outlive_the_agent(
    act: Act, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with the agent or known to the next stop: there is no moment between the two."""

    class Watched:
        """The module os, as the application's own process has it."""

        def setsid(self) -> None:
            assert state.read()["pid"] == str(os.getpid())
            os.setsid()

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

    monkeypatch.setattr(spawn, "os", Watched())
    outcome = act(App, "start", **SLEEP)
    assert (outcome.code, outcome.reason) == (Code.SUCCESS, "")


def test_a_start_waits_until_the_application_is_contained(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that passes at once is quicker than systemd-run, and a stop must find everything."""
    began = time.monotonic()
    members = containment.Session.members

    def late(self: containment.Session) -> list[int]:
        return members(self) if time.monotonic() - began > 0.5 else []

    monkeypatch.setattr(containment.Session, "members", late)
    assert act(App, "start", **SLEEP, ready="command:/bin/true").code == Code.SUCCESS
    assert time.monotonic() - began > 0.5


def test_the_umask_is_not_the_clusters(act: Act, tmp_path: Path) -> None:
    """Pacemaker's daemons have 026; an application gets what a service of the system gets."""
    seen = tmp_path / "seen"
    before = os.umask(0o026)
    try:
        act(App, "start", **shell(tmp_path, f"umask > {seen}.new; mv {seen}.new {seen}; sleep 300"))
    finally:
        os.umask(before)
    wait_for(seen)
    assert seen.read_text() == "0022\n"


def test_a_process_whose_first_thread_has_ended_is_alive(act: Act, tmp_path: Path) -> None:
    """It looks like a zombie, but its other threads work on."""
    program = tmp_path / "program.py"
    ended = tmp_path / "ended"
    program.write_text(
        "import ctypes, os, threading, time\n"
        "threading.Thread(target=time.sleep, args=(300,)).start()\n"
        f"open({str(ended)!r}, 'w').write('x')\n"
        f"ctypes.CDLL(None).syscall({SYS_EXIT[os.uname().machine]}, 0)\n"
    )
    parameters = {"binfile": sys.executable, "cmdline_options": f"-IS {program}"}
    act(App, "start", **parameters)
    wait_for(ended)
    time.sleep(0.1)
    assert act(App, "monitor", **parameters, environ=RECURRING).code == Code.SUCCESS
    assert act(App, "stop", **parameters, stop_timeout="0").code == Code.SUCCESS
    assert act(App, "monitor", **parameters).code == Code.NOT_RUNNING


def test_the_environment_has_nothing_of_the_cluster(act: Act, tmp_path: Path) -> None:
    """Arguments keep their quotes, no shell sees them, and OCF variables stay outside."""
    seen = tmp_path / "seen"
    script = (
        f'{{ printf "%s|" "$@"; echo; pwd; env; }} > {seen}.new; mv {seen}.new {seen}; sleep 300'
    )
    parameters = shell(tmp_path, script)
    act(
        App,
        "start",
        **parameters,
        cmdline_options="one 'two three' $HOME *",
        workdir=str(tmp_path),
    )
    wait_for(seen)
    arguments, folder, *variables = seen.read_text().splitlines()
    assert arguments == "one|two three|$HOME|*|"
    assert folder == str(tmp_path)
    assert not [line for line in variables if line.startswith(("OCF_", "HA_"))]
    assert any(line.startswith("HOME=/") for line in variables)


def test_the_start_waits_for_the_port(act: Act, tmp_path: Path) -> None:
    """A start returns when the port accepts connections, and not before."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = tmp_path / "server.py"
    server.write_text(
        "import socket, time\ntime.sleep(0.3)\n"
        f"s = socket.create_server(('127.0.0.1', {port}))\ntime.sleep(300)\n"
    )
    parameters = {
        "binfile": sys.executable,
        "cmdline_options": f"-IS {server}",
        "ready": f"tcp:127.0.0.1:{port}",
    }
    assert act(App, "start", **parameters).code == Code.SUCCESS
    socket.create_connection(("127.0.0.1", port), 1).close()


def test_a_program_that_dies_is_reported_with_its_last_words(act: Act, tmp_path: Path) -> None:
    """The reason begins with its last line, the log has more, and nothing is left."""
    parameters = shell(tmp_path, "echo first; echo no such database >&2; exit 3")
    outcome = act(App, "start", **parameters, ready="command:/bin/false")
    assert outcome.code == Code.ERR_GENERIC
    assert outcome.kept == "no such database; application ended with 3 while starting"
    assert outcome.reason.startswith("first\nno such database\n")
    assert act(App, "monitor", **parameters).code == Code.NOT_RUNNING


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", "application ended with 0 while starting"),
        ("kill -9 $$", "application was killed by signal 9 while starting"),
        (
            f"echo {'x' * 200}; exit 2",
            f"{'x' * 69}...; application ended with 2 while starting",
        ),
    ],
)
def test_the_ending_of_a_program_is_told(
    act: Act, tmp_path: Path, script: str, reason: str
) -> None:
    """Silent, killed or verbose: what Pacemaker keeps says how the program ended."""
    assert act(App, "start", **shell(tmp_path, script)).kept == reason


def test_a_program_that_never_gets_ready_is_ended(act: Act) -> None:
    """At the deadline the start fails, says what the check said, and leaves nothing running."""
    outcome = act(
        App,
        "start",
        **SLEEP,
        ready="command:/bin/sh -c 'echo not yet; exit 1'",
        environ={"OCF_RESKEY_CRM_meta_timeout": "1000"},
    )
    assert outcome.code == Code.ERR_GENERIC
    assert outcome.kept == "not yet (sh failed with 1); sleep did not become ready in time"
    assert act(App, "monitor", **SLEEP).code == Code.NOT_RUNNING


def test_the_stop_signal_is_the_one_asked_for(act: Act, tmp_path: Path) -> None:
    """The application gets the signal that it understands."""
    told = tmp_path / "told"
    ready = tmp_path / "ready"
    parameters = listener(tmp_path, told, ready)
    act(App, "start", **parameters)
    wait_for(ready)
    assert act(App, "stop", **parameters, stop_signal="INT").code == Code.SUCCESS
    assert told.read_text() == "SIGINT"


def test_a_stopped_program_can_act_on_the_stop_signal(
    act: Act, tmp_path: Path, state: State
) -> None:
    """A process that SIGSTOP has halted ends in its own way, and at once, instead of by KILL."""
    told = tmp_path / "told"
    ready = tmp_path / "ready"
    parameters = listener(tmp_path, told, ready)
    act(App, "start", **parameters)
    wait_for(ready)
    os.kill(int(state.read()["pid"]), signal.SIGSTOP)
    assert act(App, "stop", **parameters, stop_timeout="60").code == Code.SUCCESS
    assert told.read_text() == "SIGTERM"


def test_a_deaf_program_is_killed_with_its_children(act: Act, tmp_path: Path, state: State) -> None:
    """After the time to stop everything is killed."""
    ready = tmp_path / "ready"
    parameters = shell(tmp_path, f"trap '' TERM\nsleep 301 &\necho > {ready}\nwait\nsleep 302")
    act(App, "start", **parameters)
    wait_for(ready)
    pid = int(state.read()["pid"])
    began = time.monotonic()
    assert act(App, "stop", **parameters, stop_timeout="1").code == Code.SUCCESS
    # After stop_timeout, and not after two thirds of the time that the action has.
    assert 1 <= time.monotonic() - began < 20
    assert identify(pid) is None


def test_children_without_their_parent_are_a_failure(
    act: Act, tmp_path: Path, state: State
) -> None:
    """A dead main process with living children is exit 1, on probes too, until a stop."""
    children = tmp_path / "children"
    parameters = shell(
        tmp_path, f"sleep 303 &\necho $! > {children}.new\nmv {children}.new {children}\nwait"
    )
    act(App, "start", **parameters)
    wait_for(children)
    child = int(children.read_text())
    os.kill(int(state.read()["pid"]), signal.SIGKILL)
    while identify(int(state.read()["pid"])):
        time.sleep(0.01)
    for environ in ({}, RECURRING):
        outcome = act(App, "monitor", **parameters, environ=environ)
        assert outcome.code == Code.ERR_GENERIC
        assert f"has died and left sleep ({child}) behind" in outcome.reason
    assert act(App, "stop", **parameters).code == Code.SUCCESS
    assert identify(child) is None


def test_another_process_with_the_same_number_is_not_ours(act: Act, state: State) -> None:
    """A number that was used again does not count as running, and is not killed."""
    state.write({"pid": str(os.getpid()), "started": "1"})
    assert act(App, "monitor", **SLEEP).code == Code.NOT_RUNNING
    assert act(App, "stop", **SLEEP).code == Code.SUCCESS


def test_the_health_check_runs_from_level_10_on(act: Act) -> None:
    """A sick application is exit 1 at level 10 and goes unnoticed at level 0."""
    parameters = {**SLEEP, "health": "command:/bin/sh -c 'echo out of disk; exit 1'"}
    act(App, "start", **parameters)
    assert act(App, "monitor", **parameters, environ=RECURRING).code == Code.SUCCESS
    outcome = act(App, "monitor", **parameters, environ=HEALTH)
    assert outcome.code == Code.ERR_GENERIC
    assert outcome.kept == "out of disk (sh failed with 1); sleep is not healthy"


def test_a_check_as_another_user_has_its_own_name(
    act: Act, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason never speaks of what changes the user; nor does a check that hangs."""
    monkeypatch.setattr(Identity, "assume", lambda _: None)
    parameters = shell(tmp_path, "exec sleep 300")
    act(App, "start", **parameters)
    sick = {**parameters, "health": f"command:/bin/sh -c 'echo {'x' * 200}; exit 4'"}
    kept = act(App, "monitor", **sick, environ=HEALTH).kept
    assert kept == f"{'x' * 69}... (sh failed with 4); application is not healthy"
    slow = {**parameters, "health": "command:/bin/sleep 60"}
    limit = {**HEALTH, "OCF_RESKEY_CRM_meta_timeout": "400"}
    kept = act(App, "monitor", **slow, environ=limit).kept
    assert kept == "sleep did not finish in time and was killed; application is not healthy"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "the parameter binfile is missing"),
        ({"binfile": "sleep"}, "binfile=sleep is not an absolute path"),
        ({**SLEEP, "cmdline_options": "'open"}, "cmdline_options='open: No closing quotation"),
        ({**SLEEP, "ready": "tcp:5432"}, "ready=tcp:5432 is none of tcp:HOST:PORT, http"),
        ({**SLEEP, "health": "command:pg_isready"}, "health=command:pg_isready is none of"),
        ({**SLEEP, "stop_signal": "POLITE"}, "stop_signal=POLITE is not one of TERM, INT"),
        ({**SLEEP, "stop_timeout": "soon"}, "stop_timeout=soon is not a whole number"),
    ],
)
def test_wrong_parameters_are_explained(act: Act, parameters: dict[str, str], reason: str) -> None:
    """What is wrong on every node is exit 6, and says what would be right."""
    outcome = act(App, "validate-all", **parameters)
    assert outcome.code == Code.ERR_CONFIGURED
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"binfile": "/nowhere/x"}, "the program /nowhere/x is not on this host"),
        ({**SLEEP, "user": "no-such-user"}, "there is no user no-such-user on this node"),
        ({**SLEEP, "workdir": "/nowhere"}, "there is no folder /nowhere on this node"),
    ],
)
def test_what_this_host_lacks_is_not_installed(
    act: Act, parameters: dict[str, str], reason: str
) -> None:
    """What another node may have is exit 5 for a start, and no problem for a stop."""
    outcome = act(App, "start", **parameters)
    assert outcome.code == Code.ERR_INSTALLED
    assert reason in outcome.reason
    assert act(App, "stop", **parameters).code == Code.SUCCESS


def test_what_outlives_the_program_is_asked_before_it_is_killed(act: Act, tmp_path: Path) -> None:
    """A wrapper ends at the signal, and the server that it started only then hears of the stop."""
    ready, told = tmp_path / "ready", tmp_path / "told"
    server = f"trap 'echo asked > {told}; exit' TERM; echo > {ready}; while :; do sleep 0.05; done"
    parameters = shell(tmp_path, f'sh -c "{server}" &\nwait')
    act(App, "start", **parameters)
    wait_for(ready)
    assert act(App, "stop", **parameters).code == Code.SUCCESS
    assert told.read_text() == "asked\n"


def test_a_program_that_goes_to_the_background_is_told_so(act: Act, tmp_path: Path) -> None:
    """It cannot be watched: the reason says what it did, and the rest of it is ended."""
    child = tmp_path / "child"
    # A child is called as the shell's script until it is a sleep.
    named = "until grep --quiet sleep /proc/$!/comm; do :; done"
    parameters = shell(tmp_path, f"sleep 300 &\necho $! > {child}\n{named}\nexit 0")
    outcome = act(App, "start", **parameters, ready="command:/bin/false")
    pid = int(child.read_text())
    assert outcome.kept == (
        f"application went to the background as sleep ({pid}): it must stay in the foreground"
    )
    assert identify(pid) is None


def test_a_stop_needs_no_parameters(act: Act, state: State) -> None:
    """Without any, or with wrong ones, it finds the processes and ends them."""
    wrong = {
        "binfile": "/nowhere/x",
        "user": "no-such-user",
        "stop_signal": "POLITE",
        "stop_timeout": "soon",
        "pidfile": "nowhere",
        "limits": "?",
        "ready": "?",
    }
    for parameters in ({}, wrong):
        act(App, "start", **SLEEP)
        pid = int(state.read()["pid"])
        assert act(App, "stop", **parameters).code == Code.SUCCESS
        assert identify(pid) is None


def test_a_zombie_is_dead(act: Act, state: State) -> None:
    """A process that only waits for its parent to take note of its end does not run."""
    act(App, "start", **SLEEP)
    pid = int(state.read()["pid"])
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{pid}").exists()
    assert act(App, "monitor", **SLEEP, environ=RECURRING).code == Code.NOT_RUNNING


def test_nothing_runs_that_was_started_before_a_reboot(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state file on a disk survives it, and its number may be another process's by then."""
    act(App, "start", **SLEEP)
    with monkeypatch.context() as later:
        later.setattr(state_module, "boot_id", lambda: "another")
        assert act(App, "monitor", **SLEEP).code == Code.NOT_RUNNING
    assert act(App, "monitor", **SLEEP).code == Code.SUCCESS
