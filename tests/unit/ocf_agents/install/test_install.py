"""Installing the agents, and running them as Pacemaker does."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ocf_agents.install.launchers import InstallError, install_agents


def call(agent: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(agent), *arguments], env=environ, cwd="/", capture_output=True, text=True, check=False
    )


def test_three_executables_are_written(tmp_path: Path) -> None:
    """They are where Pacemaker looks for the provider "takeover", for all to execute."""
    paths = install_agents(tmp_path)
    folder = tmp_path / "usr/lib/ocf/resource.d/takeover"
    assert paths == [folder / "app", folder / "filesystem", folder / "ip"]
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
    *_, ip = install_agents(tmp_path)
    folder = str(trap)
    done = call(
        ip, "monitor", OCF_RESKEY_ip="127.0.0.1", PATH=folder, PYTHONPATH=folder, PYTHONHOME=folder
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_launcher_whose_modules_are_gone_says_so(tmp_path: Path) -> None:
    """After Takeover was removed, its agents are "not installed", with the cure."""
    *_, ip = install_agents(tmp_path)
    text = ip.read_text()
    start = text.index("package.__path__ = ")
    ip.write_text(text[:start] + "package.__path__ = []" + text[text.index("\n", start) :])
    done = call(ip, "monitor")
    assert done.returncode == 5
    assert done.stderr == (
        "ocf-exit-reason:No module named 'ocf_agents.ip': run `takeover agents install` again\n"
    )


def test_an_interpreter_with_blanks_and_a_long_path_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's limits for a script's first line (execve(2)) are none for the agents."""
    folder = tmp_path / "a folder" / ("x" * 200)
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    *_, ip = install_agents(tmp_path)
    done = call(ip, "monitor", OCF_RESKEY_ip="127.0.0.1")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interpreter_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent is "not installed", with the cure; its meta-data are still there."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    *_, ip = install_agents(tmp_path)
    done = call(ip, "monitor", OCF_RESKEY_ip="127.0.0.1")
    assert done.returncode == 5
    assert done.stderr == (
        "ocf-exit-reason:/nowhere/python3 is gone: run takeover agents install again\n"
    )
    assert call(ip, "meta-data").returncode == 0


@pytest.mark.parametrize(
    ("interpreter", "reason"), [("/opt/$(reboot)/python", "must not have"), ("", "is not known")]
)
def test_a_path_that_means_something_to_a_shell_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interpreter: str, reason: str
) -> None:
    """A launcher that cannot work is an error at once, not at the first failover."""
    monkeypatch.setattr(sys, "executable", interpreter)
    with pytest.raises(InstallError, match=reason):
        install_agents(tmp_path)
    assert not list(tmp_path.iterdir())


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
    for path in install_agents(tmp_path):
        source = path.read_text().replace("main(agent)", "")
        done = subprocess.run(
            [
                *(sys.executable, "-IS", "-c"),
                source
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
