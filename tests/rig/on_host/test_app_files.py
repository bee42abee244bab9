"""Files of an application's: opened for its user, and nowhere that others could lead root to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocf_agents.program.account import Account
from ocf_agents.program.files.trusted import make_folder_for, open_for, remove_for
from ocf_agents.runtime.agent import AgentError, Code
from tests.rig.on_host.conftest import Node
from tests.security.conftest import NOBODY, place, theirs

__all__ = ["place", "theirs"]

WRITE = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@pytest.fixture
def user() -> Account:
    return Account("nobody")


def create(user: Account, path: Path | str) -> None:
    os.close(open_for(user, str(path), WRITE, 0o640))


def test_a_file_in_a_folder_of_the_users_is_the_users(user: Account, theirs: Path) -> None:
    """The kernel does as if the user had opened it; root is root again afterwards."""
    create(user, theirs / "log")
    assert (theirs / "log").stat().st_uid == NOBODY.pw_uid
    assert (os.geteuid(), os.getegid()) == (0, 0)
    remove_for(user, str(theirs / "log"))
    remove_for(user, str(theirs / "log"))
    assert not list(theirs.iterdir())


def test_a_file_in_a_folder_of_roots_is_opened_by_root(user: Account, place: Path) -> None:
    """As for a service of systemd's: a folder like /var/log need not belong to the user."""
    create(user, place / "log")
    assert (place / "log").stat().st_uid == 0
    remove_for(user, str(place / "log"))
    assert not (place / "log").exists()


def test_links_of_roots_are_followed(user: Account, place: Path) -> None:
    """/var/run is a link; relative and absolute ones, one after the other, at the end too."""
    (place / "logs").mkdir()
    (place / "absolute").symlink_to(place / "logs")
    (place / "relative").symlink_to("absolute")
    (place / "logs/current").symlink_to("../logs/log")
    create(user, place / "relative/current")
    assert (place / "logs/log").is_file()
    (place / "endless").symlink_to("endless")
    with pytest.raises(AgentError):
        create(user, place / "endless/log")


@pytest.mark.parametrize("link", ["log", "folder", "way"])
def test_a_link_of_the_users_leads_root_nowhere(
    user: Account, place: Path, theirs: Path, link: str
) -> None:
    """Neither to a file or folder of root's, nor by a link of root's to a folder of the user's."""
    secret = place / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    (theirs / "log").symlink_to(secret)
    (theirs / "folder").symlink_to(place)
    (place / "way").symlink_to(theirs)
    path = {"log": theirs / "log", "folder": theirs / "folder/new", "way": place / "way/log"}[link]
    with pytest.raises(AgentError, match="its user may not open") as caught:
        create(user, path)
    assert caught.value.code == Code.ERR_PERM
    assert secret.read_text() == "secret"
    assert not (place / "new").exists()
    with pytest.raises(PermissionError):
        make_folder_for(user, f"{theirs}/folder/below")


def test_a_folder_is_made_for_the_pidfile(node: Node, place: Path) -> None:
    """Below /run there is none after a boot: it is made, for the user, and no other is changed."""
    pidfile = place / "shop/pid"
    given = {"binfile": "/bin/sleep", "cmdline_options": "601", "user": "nobody"}
    given["pidfile"] = str(pidfile)
    assert node.act("app", "start", **given) == (0, "")
    assert pidfile.parent.stat().st_uid == pidfile.stat().st_uid == NOBODY.pw_uid
    assert place.stat().st_uid == 0
    pid = int(pidfile.read_text())
    assert Path(f"/proc/{pid}/comm").read_text() == "sleep\n"
    assert node.act("app", "stop", **given) == (0, "")
    assert not pidfile.exists()


def test_a_pidfile_in_a_folder_of_roots(node: Node, place: Path) -> None:
    """Root writes it there, and the folder stays root's."""
    given = {"binfile": "/bin/sleep", "cmdline_options": "601", "user": "nobody"}
    given["pidfile"] = str(place / "pid")
    assert node.act("app", "start", **given) == (0, "")
    assert (place / "pid").read_text().strip().isdigit()
    assert node.act("app", "stop", **given) == (0, "")
    assert not list(place.iterdir())


def test_a_log_of_the_users(node: Node, theirs: Path) -> None:
    """Standard output and error go where the user may write to, and end in the reason."""
    given = {
        "binfile": "/bin/sh",
        "cmdline_options": "-c 'id -un; echo no database >&2; exit 3'",
        "user": "nobody",
        "logfile": str(theirs / "log"),
        "errlogfile": str(theirs / "errors"),
    }
    code, said = node.act("app", "start", **given)
    assert code == Code.ERR_GENERIC
    assert "ocf-exit-reason:no database; sh ended with 3 while starting\n" in said
    assert (theirs / "log").read_text() == "nobody\n"
    assert (theirs / "errors").stat().st_uid == NOBODY.pw_uid
    assert node.act("app", "stop", **given) == (0, "")
