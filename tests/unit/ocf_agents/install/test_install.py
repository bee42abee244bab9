"""Installing the agents, and running them as Pacemaker does."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocf_agents.install import interpreter
from ocf_agents.install.copies import FOLDER
from ocf_agents.install.launchers import InstallError, install_agents
from ocf_agents.runtime.process import identify
from vagrant.common.waiting import eventually


def call(agent: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(agent), *arguments], env=environ, cwd="/", capture_output=True, text=True, check=False
    )


def test_four_executables_are_written(tmp_path: Path) -> None:
    """They are where Pacemaker looks for the provider "takeover", for all to execute."""
    paths = install_agents(tmp_path)
    folder = tmp_path / "usr/lib/ocf/resource.d/takeover"
    assert paths == [folder / name for name in ("app", "filesystem", "ip", "survey")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o755}
    assert sorted(folder.iterdir()) == paths


def test_installing_again_replaces_them(tmp_path: Path) -> None:
    """An update overwrites what is there and leaves nothing else."""
    [path, *_] = install_agents(tmp_path)
    path.write_text("old")
    assert install_agents(tmp_path)[0].read_text() != "old"


def test_meta_data_works_with_a_bare_environment(tmp_path: Path) -> None:
    """Tools ask for meta-data with no variable set at all."""
    for path in install_agents(tmp_path):
        done = call(path, "meta-data")
        assert (done.returncode, done.stderr) == (0, "")
        assert f'<resource-agent name="{path.name}">' in done.stdout


def test_the_environment_cannot_change_what_is_loaded(tmp_path: Path) -> None:
    """PATH, PYTHONPATH and PYTHONHOME have no effect."""
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "ocf_agents.py").write_text("raise SystemExit(99)")
    (trap / "os.py").write_text("raise SystemExit(98)")
    _, _, ip, _ = install_agents(tmp_path)
    folder = str(trap)
    done = call(
        ip, "monitor", OCF_RESKEY_ip="127.0.0.1", PATH=folder, PYTHONPATH=folder, PYTHONHOME=folder
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the ip agent, installed once for tests that change nothing of it."""
    return install_agents(tmp_path_factory.mktemp("root"))[2]


def _copies(root: Path) -> Path:
    return root / "usr/lib/takeover/agents"


def _away(root: Path) -> Path:
    """Take the modules away, as a broken update would, and return where they are."""
    link = _copies(root) / "current"
    return link.rename(link.with_name("away"))


#: What each action says if modules or Python stay away. Of a probe, 5 and 7 would say "stopped".
WITHOUT_MODULES = {
    "monitor": 1,
    "stop": 1,
    "start": 5,
    "validate-all": 5,
    "notify": 0,
    "reload-agent": 1,
    "meta-data": 1,
}


@pytest.mark.parametrize(("action", "code"), WITHOUT_MODULES.items())
def test_an_agent_without_modules_takes_nothing_for_stopped(
    tmp_path: Path, action: str, code: int
) -> None:
    """A monitor and a stop have failed, with the cure; only a start is "not installed"."""
    _, _, ip, _ = install_agents(tmp_path)
    _away(tmp_path)
    done = call(ip, action, OCF_RESKEY_ip="127.0.0.1")
    assert done.returncode == code
    assert "ocf_agents is gone: run takeover agents install again\n" in done.stderr
    assert done.stderr.startswith("ocf-exit-reason:")


def test_modules_that_come_back_in_time_are_waited_for(tmp_path: Path) -> None:
    """The monitor then says what is true, as if nothing had been."""
    _, _, ip, _ = install_agents(tmp_path)
    away = _away(tmp_path)
    environ = {"OCF_RESKEY_ip": "127.0.0.1", "OCF_RESKEY_CRM_meta_timeout": "60000"}
    monitor = subprocess.Popen([ip, "monitor"], env=environ, stderr=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        monitor.wait(1)
    away.rename(away.with_name("current"))
    assert monitor.communicate(timeout=30)[1] == ""
    assert monitor.returncode == 0


def test_modules_are_waited_for_at_most_two_thirds_of_the_time(tmp_path: Path) -> None:
    """There is time left to say why, before Pacemaker kills the action."""
    _, _, ip, _ = install_agents(tmp_path)
    _away(tmp_path)
    began = time.monotonic()
    done = call(ip, "stop", OCF_RESKEY_ip="127.0.0.1", OCF_RESKEY_CRM_meta_timeout="3000")
    assert done.returncode == 1
    assert 1.9 < time.monotonic() - began < 10


@pytest.mark.parametrize("timeout", ["²", "0", "08", "x", "9" * 5000, "-5"])
def test_a_time_that_is_none_is_not_waited_for(tmp_path: Path, timeout: str) -> None:
    """Odd numbers neither fail in the shell nor let the action wait for ever."""
    _, _, ip, _ = install_agents(tmp_path)
    away = _away(tmp_path)
    environ = {"OCF_RESKEY_ip": "127.0.0.1", "OCF_RESKEY_CRM_meta_timeout": timeout}
    monitor = subprocess.Popen([ip, "monitor"], env=environ, stderr=subprocess.PIPE, text=True)
    if timeout[0] == "9":
        away.rename(away.with_name("current"))
    said = monitor.communicate(timeout=30)[1]
    assert monitor.returncode == (0 if timeout[0] == "9" else 1)
    assert "Illegal" not in said
    assert "not found" not in said


@pytest.mark.parametrize("missing", ["network/netlink.py", "ocf.py", "runtime/agent.py"])
def test_one_module_that_is_missing_is_like_all(tmp_path: Path, missing: str) -> None:
    """Whatever of a half removed installation is missing: a stop has failed, and says so."""
    _, _, ip, _ = install_agents(tmp_path)
    (_copies(tmp_path) / "current/ocf_agents" / missing).unlink()
    done = call(ip, "stop", OCF_RESKEY_ip="127.0.0.1")
    assert done.returncode == 1
    assert done.stderr.startswith("ocf-exit-reason:")
    assert Path(missing).stem in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_module_is_like_a_missing_one(tmp_path: Path) -> None:
    """No traceback, and no "not installed" for a monitor."""
    _, _, ip, _ = install_agents(tmp_path)
    (_copies(tmp_path) / "current/ocf_agents/ip.py").write_text("def half(")
    done = call(ip, "monitor", OCF_RESKEY_ip="127.0.0.1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_module_that_only_a_stop_needs_is_missing(tmp_path: Path) -> None:
    """It shows in the middle of the action, which has failed then and can be repeated."""
    _, _, ip, _ = install_agents(tmp_path)
    (_copies(tmp_path) / "current/ocf_agents/network/ethernet/announce.py").unlink()
    done = call(ip, "stop", OCF_RESKEY_ip="198.51.100.7")
    assert done.returncode == 1
    assert "announce" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_interpreter_is_the_systems(installed: Path) -> None:
    """An update of a virtual environment, or its removal, is none of the agents' matter."""
    if not Path(interpreter.SYSTEM).exists():
        pytest.skip("this machine has no system Python")
    text = installed.read_text()
    assert f'"{interpreter.SYSTEM}" -IS ' in text
    assert sys.prefix == sys.base_prefix or sys.prefix not in text


def test_an_interpreter_with_blanks_and_a_long_path_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's limits for a script's first line (execve(2)) are none for the agents."""
    folder = tmp_path / "a folder" / ("x" * 200)
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    monkeypatch.setattr(interpreter, "SYSTEM", str(folder / "python"))
    _, _, ip, _ = install_agents(tmp_path)
    done = call(ip, "monitor", OCF_RESKEY_ip="127.0.0.1")
    assert (done.returncode, done.stderr) == (0, "")


#: Without each of these a Python of this version ends before it reads a line of a program.
STARTS_WITH = ("encodings/__init__.py", "encodings/aliases.py", "encodings/utf_8.py")
IP_MONITOR = {"OCF_RESKEY_ip": "127.0.0.1", "OCF_RESKEY_CRM_meta_timeout": "60000"}


@pytest.fixture
def own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python whose modules may be taken away, in place of the system's; return their folder."""
    real = Path(os.path.realpath(sys.executable))
    modules = Path(os.__file__).parent
    folder = tmp_path / "own" / "lib" / modules.name
    folder.mkdir(parents=True)
    for each in modules.iterdir():
        if each.name != "encodings":
            (folder / each.name).symlink_to(each)
    shutil.copytree(modules / "encodings", folder / "encodings")
    (tmp_path / "own" / "bin").mkdir()
    shutil.copy(real, tmp_path / "own" / "bin" / "python3")
    monkeypatch.setattr(interpreter, "SYSTEM", str(tmp_path / "own" / "bin" / "python3"))
    return folder


@pytest.mark.parametrize("name", STARTS_WITH)
def test_a_python_that_does_not_start_is_waited_for(
    tmp_path: Path, own_python: Path, name: str
) -> None:
    """Whichever of its files is away: it would end with 1, as if the resource had failed."""
    _, _, ip, _ = install_agents(tmp_path)
    file, away = own_python / name, own_python / f"{name}.dpkg-new"
    file.rename(away)
    monitor = subprocess.Popen([ip, "monitor"], env=IP_MONITOR, stderr=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        monitor.wait(1)
    away.rename(file)
    assert monitor.communicate(timeout=30)[1] == ""
    assert monitor.returncode == 0


def _first_try(tmp_path: Path, python: Path, meanwhile: str) -> None:
    """Have something happen at the first start of a Python, after the launcher has looked at it."""
    real = python.with_name("real")
    python.rename(real)
    script = f"if [ -e {tmp_path}/armed ]; then rm {tmp_path}/armed; {meanwhile}; fi"
    python.write_text(f'#!/bin/sh\n{script}\nexec {real} "$@"\n')
    python.chmod(0o755)


@pytest.mark.parametrize(
    "meanwhile",
    [
        "mv {encodings} {away}; {real} -IS; code=$?; mv {away} {encodings}; exit $code",
        "exit 127",
        "exec /nonexistent/ld.so",
    ],
)
def test_what_goes_after_a_look_at_it_is_waited_for(
    tmp_path: Path, own_python: Path, meanwhile: str
) -> None:
    """Between the launcher's look and Python's: no instant of an update is a failure."""
    python = Path(interpreter.SYSTEM)
    encodings, real = own_python / "encodings", python.with_name("real")
    names = {"encodings": encodings, "away": encodings.with_name("away"), "real": real}
    _first_try(tmp_path, python, meanwhile.format(**names))
    _, _, ip, _ = install_agents(tmp_path)
    (tmp_path / "armed").touch()
    done = call(ip, "monitor", **IP_MONITOR)
    assert not (tmp_path / "armed").exists()
    assert done.returncode == 0
    assert "ocf-exit-reason" not in done.stderr


def test_a_python_that_never_starts_is_told(tmp_path: Path, own_python: Path) -> None:
    """It is not one that the launcher finds missing; the reason is the last line that is said."""
    _, _, ip, _ = install_agents(tmp_path)
    (own_python / "encodings/utf_8.py").write_text("def half(")
    shutil.rmtree(own_python / "encodings/__pycache__")
    done = call(ip, "stop", OCF_RESKEY_ip="127.0.0.1")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"ocf-exit-reason:{interpreter.SYSTEM} does not start: run takeover")


@pytest.fixture
def linked_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a link to this Python, which is in place of the system's."""
    python = tmp_path / "python3"
    python.symlink_to(sys.executable)
    monkeypatch.setattr(interpreter, "SYSTEM", str(python))
    return python


def test_an_agent_that_is_killed_has_failed(tmp_path: Path, linked_python: Path) -> None:
    """As Pacemaker says of an action that a signal has ended; the reason has the signal."""
    _, _, ip, _ = install_agents(tmp_path)
    linked_python.unlink()
    linked_python.write_text("#!/bin/sh\nkill -KILL $$\n")
    linked_python.chmod(0o755)
    done = call(ip, "monitor", **IP_MONITOR)
    assert done.returncode == 1
    assert "ocf-exit-reason:the agent was ended by signal 9\n" in done.stderr


def test_an_interpreter_that_is_gone_is_told(tmp_path: Path, linked_python: Path) -> None:
    """A monitor has failed, with the cure; the agent's meta-data are still there."""
    _, _, ip, _ = install_agents(tmp_path)
    linked_python.unlink()
    done = call(ip, "monitor", OCF_RESKEY_ip="127.0.0.1")
    assert done.returncode == 1
    assert done.stderr == (
        f"ocf-exit-reason:{linked_python} is gone: run takeover agents install again\n"
    )
    assert call(ip, "meta-data").returncode == 0


def test_a_python_that_is_too_old_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is the one that this installation came with."""
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nprintf '3\\n9\\n/usr/lib/python3.9/encodings/__init__.py\\n'\n")
    old.chmod(0o755)
    monkeypatch.setattr(interpreter, "SYSTEM", str(old))
    _, _, ip, _ = install_agents(tmp_path)
    assert str(old) not in ip.read_text()
    assert call(ip, "monitor", OCF_RESKEY_ip="127.0.0.1").returncode == 0


@pytest.mark.parametrize(("name", "reason"), [("$(reboot)", "must not have"), ("", "is not known")])
def test_a_path_that_means_something_to_a_shell_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    """A launcher that cannot work is an error at once, not at the first failover."""
    python = tmp_path / name
    if name:
        python.symlink_to(sys.executable)
    monkeypatch.setattr(interpreter, "SYSTEM", str(python) if name else "")
    monkeypatch.setattr(sys, "_base_executable", "")
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(InstallError, match=reason):
        install_agents(tmp_path / "root")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_code(tmp_path: Path, closed: str) -> None:
    """A stop that succeeds says so, and one that does not finds nobody to tell the reason."""
    _, _, ip, _ = install_agents(tmp_path)
    for address, expected in (("127.0.0.1", 0), ("none", 6)):
        given = {"OCF_RESKEY_ip": address, "OCF_RESKEY_CRM_meta_interval": "0"}
        done = call(Path("/bin/sh"), "-c", f"exec {ip} monitor {closed}", **given)
        assert done.returncode == expected
        assert "Traceback" not in done.stderr


@contextmanager
def _waiting_start(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Let a start wait for its disk in a `with` block; yield its launcher and its Python."""
    folder, program = tmp_path / "state", tmp_path / "attach"
    folder.mkdir()
    waits = f"until [ -e {folder}/done ]; do /bin/sleep 0.02; done"
    program.write_text(f"#!/bin/sh\n: >{folder}/asked\n{waits}\nexit 1\n")
    program.chmod(0o755)
    _, filesystem, *_ = install_agents(tmp_path)
    parameters = {"portal": "198.51.100.1", "target": "iqn.2026-11.com.example:a", "lun": "1"}
    parameters |= {"attach": str(program), "directory": "/srv/none", "watch": "false"}
    environ = {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    environ |= {"HA_RSCTMP": str(folder), "OCF_RESKEY_CRM_meta_timeout": "60000"}
    with subprocess.Popen([filesystem, "start"], env=environ, stderr=subprocess.DEVNULL) as start:
        assert eventually((folder / "asked").exists, 30)
        children = Path(f"/proc/{start.pid}/task/{start.pid}/children").read_text().split()
        try:
            yield start, int(children[0])
        finally:
            (folder / "done").touch()


def test_an_action_says_which_version_it_uses_until_it_ends(tmp_path: Path) -> None:
    """Else two updates would take the modules from a start that waits for its disk."""
    with _waiting_start(tmp_path) as (_, python):
        opened = [str(each.readlink()) for each in Path(f"/proc/{python}/fd").iterdir()]
    copies = f"{tmp_path}/{FOLDER}/"
    assert [path for path in opened if path.startswith(copies)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_action_ends_with_its_launcher(tmp_path: Path, number: int) -> None:
    """Else a start that was killed would mount its disk after the stop that follows."""
    with _waiting_start(tmp_path) as (launcher, python):
        launcher.send_signal(number)
        launcher.wait()
        assert eventually(lambda: identify(python) is None, 30)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The message has the folder, the kernel's words and the cure."""
    (tmp_path / "usr").write_text("a file where a folder should be")
    with pytest.raises(InstallError, match="Not a directory; run as root, or give another root"):
        install_agents(tmp_path)


#: Our own modules that only a start, a stop or a deep monitor needs.
ONLY_TO_CHANGE = {
    f"ocf_agents.{module}"
    for module in (
        *("runtime.bounded", "runtime.command", "network.address", "network.ethernet"),
        *("disk.attach.iscsi", "disk.attach.program", "disk.disk_check", "disk.holders"),
        *("disk.mounting", "disk.unmount"),
        *("program.checks", "program.ending", "program.files", "program.launch", "program.spawn"),
    )
}


@pytest.mark.parametrize("action", ["monitor", "meta-data"])
def test_a_plain_monitor_loads_little(action: str, tmp_path: Path) -> None:
    """Modules that cost milliseconds stay out of the way of what runs every few seconds.

    And of meta-data, which Pacemaker asks for before every start.
    """
    costly = {"enum", "socket", "subprocess", "typing", "pathlib", "logging", "pyroute2", "re"}
    *recurring, _survey = install_agents(tmp_path)  # a survey is probed once, before a change
    for path in recurring:
        source = path.read_text().replace("main(agent, launched=True)", "")
        done = subprocess.run(
            [
                *(sys.executable, "-IS", "-X", f"launcher={os.getpid()}", "-c"),
                f"__file__ = {str(path)!r}\n"
                + source
                + "from ocf_agents.ocf import run\n"
                + f"import os\nrun(agent, ['{action}'], os.environ)\n"
                + "print(*sys.modules)",
            ],
            env={
                "HA_RSCTMP": str(tmp_path),
                "OCF_RESKEY_CRM_meta_interval": "10000",
                "OCF_RESKEY_ip": "127.0.0.1",
                "OCF_RESKEY_directory": str(tmp_path / "mnt"),
                "OCF_RESKEY_binfile": "/bin/true",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        loaded = set(done.stdout.splitlines()[-1].split())
        assert not costly & loaded
        assert not ONLY_TO_CHANGE & loaded
