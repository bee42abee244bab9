"""After an update the watcher of the installed version takes over from the one that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.install import copies
from ocf_agents.install.copies import install_copy
from ocf_agents.runtime import registration, watched
from vagrant.common.waiting import eventually

LIMIT = 20.0
COMMAND = "/proc/{}/cmdline"


def install(root: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(copies, "_version", lambda: version)
    return install_copy(root, "/bin/true")


@pytest.fixture
def watcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """The watcher of an installed version, and the folder of its registrations."""
    copy = install(tmp_path, "1", monkeypatch)
    environ = {"HA_RSCTMP": str(tmp_path / "run")}
    this = f"process {os.getpid()} {Path('/proc/self/stat').read_text().split()[21]}"
    registration.write(environ, "shop", "node1", [this])
    program = copy / "ocf_agents/watcher/daemon.py"
    with subprocess.Popen(
        [sys.executable, "-IS", program, registration.folder(environ)]
    ) as process:
        assert eventually((tmp_path / "run/takeover-watch/socket").exists, LIMIT)
        yield tmp_path, process
        process.kill()


def test_the_new_version_goes_on_as_the_same_process(
    watcher: tuple[Path, subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the next monitor; it has the socket, the lock and the registrations then."""
    root, process = watcher
    new = install(root, "2", monkeypatch)

    def program() -> str:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()

    def woken() -> bool:
        watched.wake({"HA_RSCTMP": str(root / "run")})
        return str(new) in program()

    monkeypatch.setattr(watched, "_start_watcher", lambda _: None)
    assert eventually(woken, LIMIT)
    socket = f"{root}/run/takeover-watch/socket"
    assert eventually(lambda: watched._send(socket), LIMIT)
    for version in ("3", "4", "5"):
        install(root, version, monkeypatch)
    assert eventually(lambda: woken() or "/5-" in program(), LIMIT)
    assert process.poll() is None


def test_a_version_that_a_watcher_uses_stays(
    watcher: tuple[Path, subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after two more updates, as long as it was not woken."""
    root, process = watcher
    for version in ("2", "3"):
        install(root, version, monkeypatch)
    names = {path.name.partition("-")[0] for path in (root / copies.FOLDER).iterdir()}
    assert names == {"1", "2", "3", "current"}
    assert process.poll() is None


def test_elsewhere_it_has_no_successor(tmp_path: Path) -> None:
    """Run from a checkout, with no link beside it, it goes on as before."""
    from ocf_agents.watcher import daemon

    assert daemon._successor() == ""
    assert not (tmp_path / "current").exists()
