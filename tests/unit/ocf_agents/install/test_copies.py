"""Versions of the modules, each a whole copy: which is current, and which ones stay."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from ocf_agents.install import copies
from ocf_agents.install.copies import CURRENT, FOLDER, foreign, install_copy


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have few modules, and compile none of them."""
    package = tmp_path / "source" / "ocf_agents"
    package.mkdir(parents=True)
    (package / "ip.py").write_text("VALUE = 1")
    monkeypatch.setattr(copies, "PACKAGE", package)
    return package


def install(root: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(copies, "_version", lambda: version)
    return install_copy(root, "/bin/true")


def names(root: Path) -> set[str]:
    return {path.name.partition("-")[0] for path in (root / FOLDER).iterdir()} - {CURRENT}


def test_a_version_is_a_folder_and_a_link_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name has the version and a digest; the link is relative, for systems in a folder."""
    copy = install(tmp_path, "1.0", monkeypatch)
    assert copy.name.startswith("1.0-")
    assert str((tmp_path / FOLDER / CURRENT).readlink()) == copy.name
    assert (copy / "ocf_agents/ip.py").read_text() == "VALUE = 1"


def test_the_current_version_is_there_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the link during an update finds one whole version or the other."""
    install(tmp_path, "0", monkeypatch)
    over, faults = threading.Event(), []

    def look() -> None:
        while not over.is_set():
            try:
                folder = tmp_path / FOLDER / (tmp_path / FOLDER / CURRENT).readlink()
                (folder / "ocf_agents/ip.py").read_text()
            except OSError as error:
                faults.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    for version in range(1, 30):
        install(tmp_path, str(version), monkeypatch)
    over.set()
    reader.join()
    assert faults == []


def test_the_version_before_is_kept_and_older_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before the current one, whatever their numbers are."""
    for version in ("1", "2", "3"):
        install(tmp_path, version, monkeypatch)
    assert names(tmp_path) == {"2", "3"}
    install(tmp_path, "2", monkeypatch)
    install(tmp_path, "4", monkeypatch)
    assert names(tmp_path) == {"2", "4"}


def test_a_version_that_a_process_uses_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However old it is; it goes with the first update after the process has ended."""
    used = install(tmp_path, "1", monkeypatch)
    with subprocess.Popen(["sleep", "600"], stdin=os.open(used, os.O_RDONLY)) as user:
        for version in ("2", "3"):
            install(tmp_path, version, monkeypatch)
        assert names(tmp_path) >= {"1", "2", "3"}
        user.kill()


def test_the_same_version_again_is_the_same_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written anew below running agents."""
    first = install(tmp_path, "1", monkeypatch)
    inode = (first / "ocf_agents/ip.py").stat().st_ino
    assert install(tmp_path, "1", monkeypatch) == first
    assert (first / "ocf_agents/ip.py").stat().st_ino == inode


def test_a_damaged_copy_is_made_anew_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in its place, where processes use it."""
    first = install(tmp_path, "1", monkeypatch)
    (first / "ocf_agents/ip.py").write_text("")
    second = install(tmp_path, "1", monkeypatch)
    assert second != first
    assert (second / "ocf_agents/ip.py").read_text() == "VALUE = 1"
    assert str((tmp_path / FOLDER / CURRENT).readlink()) == second.name


def test_what_a_killed_installation_left_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A half copy, and a link that was not put in its place."""
    install(tmp_path, "1", monkeypatch)
    (tmp_path / FOLDER / ".2-abc").mkdir()
    (tmp_path / FOLDER / ".current").symlink_to("nowhere")
    install(tmp_path, "3", monkeypatch)
    assert names(tmp_path) == {"1", "3"}


@pytest.mark.parametrize("umask", [0, 0o077])
def test_the_umask_is_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    """All can read it, and only its owner can change it."""
    before = os.umask(umask)
    try:
        copy = install(tmp_path / "root", "1", monkeypatch)
    finally:
        os.umask(before)
    for path in (copy, *copy.parents[:4], *copy.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("mode", [0o777, 0o722, 0o775])
def test_sources_that_others_can_change_are_named(small: Path, mode: int) -> None:
    """A folder above the modules decides about them, too."""
    if os.geteuid() == 0 or mode != 0o775:
        os.chown(small.parent, -1, 1000 if os.geteuid() == 0 else -1)
        small.parent.chmod(mode)
        assert small.parent in foreign(small)
        small.parent.chmod(0o755)
    assert small.parent not in foreign(small)
    (small / "ip.py").chmod(0o666)
    assert small / "ip.py" in foreign(small)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_sources_of_another_user_are_named(small: Path) -> None:
    """Root would run what that user writes."""
    os.chown(small / "ip.py", 1000, 1000)
    assert foreign(small) == [small / "ip.py"]
