"""Files that somebody else owns, that have no end, or into which nobody writes."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from cib_templates.reading import files
from pcs_wrapper.change.history.checkpoints import Checkpoints
from tests.security.commands.place import Place
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
READING = [
    ("check", "{}"),
    ("apply", "{}"),
    ("plan", str(EXAMPLE), "--cib", "{}"),
    ("drift", str(EXAMPLE), "--cib", "{}"),
    ("cluster", "create", str(EXAMPLE), "--password-file", "{}"),
]


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in a test."""
    monkeypatch.setattr(files, "_PATIENCE", 0.2)


def read(takeover: Takeover, command: tuple[str, ...], file: Path | str) -> int:
    """Have a command read a file."""
    return takeover(*(word.replace("{}", str(file)) for word in command))


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_device_without_an_end(
    command: tuple[str, ...], takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is read up to a limit."""
    assert read(takeover, command, "/dev/zero") == 2
    assert "it has more than" in capsys.readouterr().err


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_file_of_a_gigabyte(
    command: tuple[str, ...], takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is that read to its end."""
    file = tmp_path / "large"
    with file.open("wb") as stream:
        stream.truncate(2**30)
    file.chmod(0o600)
    assert read(takeover, command, file) == 2
    assert "it has more than" in capsys.readouterr().err


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_pipe_into_which_nobody_writes(
    command: tuple[str, ...], takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends, and says why."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert read(takeover, command, tmp_path / "pipe") == 2
    assert "it is a pipe, and nobody writes into it" in capsys.readouterr().err


def test_a_pipe_into_which_somebody_writes(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a shell's <(program) does."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    writer = threading.Thread(target=pipe.write_text, args=(EXAMPLE.read_text(),))
    writer.start()
    assert takeover("check", pipe) == 0
    writer.join()
    assert "no mistakes" in capsys.readouterr().out


@needs_root
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_plan_or_password_of_another_user(
    mode: int, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That user can change it at any time; the cure is named."""
    file = tmp_path / "file"
    file.write_text('{"format": "takeover-plan-1"}')
    file.chmod(mode)
    os.chown(file, NOBODY, NOBODY)
    for command in (READING[1], READING[4]):
        assert read(takeover, command, file) == 2
        assert f"run: chown root: {file}" in capsys.readouterr().err


@needs_root
def test_a_file_of_the_user_who_became_root(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With sudo, that user's files are the user's own."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    file = tmp_path / "plan"
    file.write_text("{")
    os.chown(file, NOBODY, NOBODY)
    assert read(takeover, READING[1], file) == 2
    assert "is not a whole plan" in capsys.readouterr().err


def test_a_plan_that_others_can_change(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be applied as root."""
    file = tmp_path / "plan"
    file.write_text("{}")
    file.chmod(0o666)
    assert read(takeover, READING[1], file) == 2
    assert f"not only its owner can change it; run: chmod 600 {file}" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("history",), ("rollback", "--yes"), ("confirm",)])
def test_a_state_folder_that_others_can_write_to(
    command: tuple[str, ...], takeover: Takeover, cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Checkpoints that anybody may have planted are not believed."""
    takeover.machine.state.mkdir()
    takeover.machine.state.chmod(0o777)
    cluster.state = "running"
    assert takeover(*command) == 1
    assert f"chmod 700 {takeover.machine.state}" in capsys.readouterr().err


@needs_root
def test_a_state_folder_of_another_user(
    takeover: Takeover, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor those in a folder that is not root's."""
    cluster.state = "running"
    takeover.machine.state.mkdir(mode=0o700)
    os.chown(takeover.machine.state, NOBODY, NOBODY)
    assert takeover("history") == 1
    assert f"chown root: {takeover.machine.state}" in capsys.readouterr().err


def test_a_plan_is_never_written_over_a_device(
    takeover: Takeover, cluster: Cluster, live: str, description: Path, tmp_path: Path
) -> None:
    """Nor over a link: /dev/stdout would be gone."""
    (tmp_path / "link").symlink_to("/dev/null")
    cluster.state, cluster.cib = "running", live
    assert takeover("plan", description, "--out", tmp_path / "link") == 2
    assert (tmp_path / "link").is_symlink()


def test_a_message_that_is_not_utf_8_is_kept(takeover: Takeover, cluster: Cluster) -> None:
    """An argument may be any bytes; the history is still written, and read."""
    cluster.state = "running"
    Place(takeover.machine.state.parent).checkpoint()
    kept = Checkpoints(takeover.machine.state)
    kept.keep(kept.get(1), state="applied", message="why \udcff")
    assert takeover("history") == 0
    file = takeover.machine.state / "checkpoints" / "1.json"
    assert json.loads(file.read_bytes())["message"] == "why \udcff"
