"""Files that an application's user, or somebody else, puts in the way of root."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node
from tests.rig.on_host.disks import FileServer, image
from tests.security.conftest import give
from tests.security.generated import SECRET, put

SLEEP = {"binfile": "/bin/sleep", "cmdline_options": "601", "user": "nobody"}
DEEP = {**RECURRING, "OCF_CHECK_LEVEL": "10"}


@pytest.fixture
def seen(theirs: Path) -> Path:
    return theirs / "seen"


def shows_its_environment(seen: Path, file: Path, **more: str) -> dict[str, str]:
    """Return the parameters of an application that writes down what variables it has."""
    script = f"env > {seen}.new; mv {seen}.new {seen}; exec sleep 601"
    given = {"binfile": "/bin/sh", "cmdline_options": f"-c '{script}'", "user": "nobody"}
    ready = f"command:/usr/bin/test -s {seen}"
    return {**given, "environment_file": str(file), "ready": ready, **more}


@pytest.mark.parametrize("link", ["file", "folder", "way of root's"])
def test_root_reads_no_secret_for_the_user(
    node: Node, place: Path, theirs: Path, seen: Path, link: str
) -> None:
    """A link to a file of NAME=VALUE lines that root alone can read: /etc/default/something."""
    folder = place / "private"
    folder.mkdir(mode=0o700)
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    file = {
        "file": theirs / "environment",
        "folder": theirs / "link/secret",
        "way of root's": place / "way/environment",
    }[link]
    (theirs / "environment").symlink_to(secret)
    (theirs / "link").symlink_to(folder)
    (place / "way").symlink_to(theirs)
    given = shows_its_environment(seen, file)
    code, said = node.act("app", "start", **given)
    assert code == Code.ERR_PERM
    assert "its user may not read" in said
    assert SECRET.partition("=")[2] not in said
    assert not seen.exists()
    assert node.act("app", "stop", **given) == (0, "")


def test_a_file_of_roots_in_a_folder_of_roots_is_read_for_the_user(
    node: Node, place: Path, seen: Path
) -> None:
    """The place for passwords: nobody but root can read it, or put another in its place."""
    file = place / "environment"
    file.write_text("PASSWORD=s3cret\n")
    file.chmod(0o600)
    given = shows_its_environment(seen, file)
    assert node.act("app", "start", **given) == (0, "")
    assert "PASSWORD=s3cret" in seen.read_text().splitlines()
    assert node.act("app", "stop", **given) == (0, "")


def test_a_file_of_another_users_is_not_read_for_the_user(
    node: Node, place: Path, seen: Path
) -> None:
    """What neither the user may read nor root has put there is somebody else's secret."""
    file = place / "environment"
    file.write_text("PASSWORD=s3cret\n")
    file.chmod(0o600)
    os.chown(file, 12345, 12345)
    given = shows_its_environment(seen, file)
    code, said = node.act("app", "start", **given)
    assert code == Code.ERR_PERM
    assert "s3cret" not in said
    assert node.act("app", "stop", **given) == (0, "")


@pytest.mark.parametrize("where", ["their folder", "their file", "a file for all"])
def test_an_application_of_roots_takes_no_variables_of_others(
    node: Node, place: Path, theirs: Path, seen: Path, where: str
) -> None:
    """LD_PRELOAD would be theirs, and the application is root."""
    file = theirs / "environment" if where == "their folder" else place / "environment"
    file.write_text(f"LD_PRELOAD={theirs}/library.so\n")
    if where == "their file":
        give(file)
    if where == "a file for all":
        file.chmod(0o666)
    given = shows_its_environment(seen, file, user="")
    assert node.act("app", "start", **given)[0] == Code.ERR_PERM
    assert not seen.exists()
    assert node.act("app", "stop", **given) == (0, "")


@pytest.mark.parametrize(
    "obstacle", ["pipe", "socket", "device", "folder", "link to /dev/zero", "large file"]
)
@pytest.mark.parametrize("parameter", ["environment_file", "pidfile", "logfile", "workdir"])
def test_what_is_no_file_holds_nothing_up(
    node: Node, place: Path, theirs: Path, parameter: str, obstacle: str
) -> None:
    """Neither a pipe that nobody writes to, nor a file without an end: each action answers soon."""
    path = theirs / "file"
    put(obstacle, path, place / "secret", theirs.stat().st_uid)
    given = {**SLEEP, parameter: str(path)}
    began = time.monotonic()
    code, said = node.act("app", "start", **given)
    assert "unexpected" not in said
    assert code in (
        Code.SUCCESS,
        Code.ERR_GENERIC,
        Code.ERR_ARGS,
        Code.ERR_PERM,
        Code.ERR_INSTALLED,
    )
    if code:  # what runs already goes on, and can be asked and stopped
        assert node.act("app", "start", **SLEEP) == (0, "")
    health = {**given, "health": "command:/bin/true"}
    assert "unexpected" not in node.act("app", "monitor", DEEP, **health)[1]
    assert node.act("app", "stop", **given)[0] == Code.SUCCESS
    assert node.act("app", "monitor", **SLEEP)[0] == Code.NOT_RUNNING
    assert time.monotonic() - began < 30


def test_the_user_gets_into_no_folder_by_root(node: Node, place: Path, theirs: Path) -> None:
    """A working folder below one that only root may enter would be a way past it."""
    private = place / "private"
    (private / "public").mkdir(parents=True)
    private.chmod(0o700)
    (theirs / "link").symlink_to(private / "public")
    for folder in (private / "public", theirs / "link"):
        code, said = node.act("app", "start", **SLEEP, workdir=str(folder))
        assert code == Code.ERR_GENERIC
        assert f"cannot start /bin/sleep: Permission denied: {folder}" in said
        assert node.act("app", "stop", **SLEEP) == (0, "")


def test_the_paths_may_be_any_bytes(node: Node, theirs: Path) -> None:
    """A path is not always UTF-8; the application starts, is healthy, and stops."""
    folder = Path(os.fsdecode(os.fsencode(theirs) + b"/caf\xe9"))
    folder.mkdir()
    give(folder)
    program = folder / "program"
    program.symlink_to("/bin/sleep")
    given = {**SLEEP, "binfile": str(program), "workdir": str(folder), "pidfile": f"{folder}/pid"}
    given.update(logfile=f"{folder}/log", environment_file=f"-{folder}/none")
    given["health"] = f"command:/usr/bin/test -d {folder}"
    assert node.act("app", "start", **given) == (0, "")
    assert node.act("app", "monitor", DEEP, **given) == (0, "")
    assert node.act("app", "stop", **given) == (0, "")
    assert not (folder / "pid").exists()


@pytest.mark.parametrize("file", ["binfile", "workdir", "logfile", "errlogfile", "pidfile"])
def test_a_start_ends_in_time_if_a_file_server_does_not_answer(
    node: Node, tmp_path: Path, file: str
) -> None:
    """A process that waits for it cannot be interrupted: nobody but a child of the agent may."""
    server = FileServer(node, tmp_path / "nas", "fuse.sshfs", "nas:/x", image(tmp_path / "x.img"))
    where = server.point if file == "workdir" else server.point / "disk"
    given = {**SLEEP, "user": "root", file: str(where)}
    limit = {"OCF_RESKEY_CRM_meta_timeout": "4000"}
    try:
        server.hang()
        began = time.monotonic()
        code, said = node.act("app", "start", limit, **given)
        assert time.monotonic() - began < 6
        assert (code, "no answer within" in said) == (Code.ERR_INSTALLED, True), said
        assert str(where) in said
        began = time.monotonic()
        assert node.act("app", "stop", limit, **given)[0] == Code.SUCCESS
        assert node.act("app", "monitor", limit, **given)[0] == Code.NOT_RUNNING
        assert time.monotonic() - began < 8
    finally:
        server.end()
