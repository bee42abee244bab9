"""Every way that root walks for somebody, in one manner: whoever may put links on it leads nobody.

Of each way it is tried what an application's files make of it, and what a mount point does.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.program.files.trusted import open_for, read_for, remove_for
from ocf_agents.program.identity import Identity
from ocf_agents.runtime.agent import AgentError, Code
from ocf_agents.runtime.rights.way import resolve, walk
from tests.security.conftest import NOBODY, give

SECRET = "A=only root may read this\n"
ROOT = pwd.getpwuid(0)


@pytest.fixture
def secret(place: Path) -> Path:
    """Return a file that root alone can read, where root alone can enter."""
    folder = place / "private"
    folder.mkdir(mode=0o700)
    file = folder / "secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    return file


@pytest.fixture
def sticky(place: Path) -> Iterator[Path]:
    """Return a folder such as /tmp."""
    folder = place / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    yield folder
    folder.chmod(0o700)


def test_a_link_that_was_the_users_before_the_folder_became_roots_is_not_followed(
    place: Path, secret: Path
) -> None:
    """An administrator who gives a folder to root leaves the links in it the user's."""
    folder = place / "etc"
    folder.mkdir()
    link = folder / "environment"
    link.symlink_to(secret)
    give(link)
    account = Identity(NOBODY)
    with pytest.raises(AgentError) as refused:
        read_for(account, str(link), 100)
    assert refused.value.code == Code.ERR_PERM
    with pytest.raises(AgentError):
        open_for(account, str(link), os.O_RDWR, 0o600)
    with pytest.raises(PermissionError):
        walk(str(link / "."))
    with pytest.raises(PermissionError):
        walk(str(link), sticky=True)
    assert secret.read_text() == SECRET


def test_a_link_of_roots_is_followed(place: Path, secret: Path) -> None:
    """As alternatives(8) and most installations have them."""
    link = place / "link"
    link.symlink_to(secret)
    assert read_for(Identity(NOBODY), str(link), 100).decode() == SECRET
    with walk(str(link)) as found:
        assert found.path == str(secret)


@pytest.mark.parametrize("what", ["link", "folder", "folder that was made sticky"])
def test_what_is_the_users_in_a_folder_such_as_tmp_leads_nowhere(
    sticky: Path, secret: Path, what: str
) -> None:
    """What is root's there nobody can replace; what is somebody else's, its owner can."""
    way = sticky / "way"
    if what == "link":
        way.symlink_to(secret.parent)
    else:
        way.mkdir(mode=0o1777 if "sticky" in what else 0o755)
        (way / "secret").symlink_to(secret)
    give(way)
    path = str(way / "secret")
    with pytest.raises(PermissionError):
        walk(path, sticky=True)
    with pytest.raises(AgentError):
        read_for(Identity(NOBODY), path, 100)
    assert str(secret) not in resolve(path)
    remove_for(Identity(NOBODY), str(sticky / "absent"))
    assert secret.exists()


def test_what_is_roots_in_a_folder_such_as_tmp_leads_on_for_root(
    sticky: Path, secret: Path
) -> None:
    """A link, a folder, and a file of root's are as good as anywhere else."""
    (sticky / "link").symlink_to(secret.parent)
    assert read_for(Identity(ROOT), str(sticky / "link/secret"), 100).decode() == SECRET
    file = sticky / "file"
    file.write_text(SECRET)
    assert read_for(Identity(ROOT), str(file), 100).decode() == SECRET
    give(file)
    with pytest.raises(AgentError) as refused:
        read_for(Identity(ROOT), str(file), 100)
    assert refused.value.code == Code.ERR_PERM


def test_a_way_through_a_folder_such_as_tmp_makes_nothing_for_an_application(sticky: Path) -> None:
    """A file of the user's there is the user's to make, not root's."""
    (sticky / "roots").mkdir(mode=0o755)
    with pytest.raises(AgentError):
        open_for(Identity(NOBODY), str(sticky / "roots/file"), os.O_RDWR | os.O_CREAT, 0o600)
    assert not (sticky / "roots/file").exists()


def test_a_link_to_itself_has_an_end(place: Path) -> None:
    """As many links as the kernel follows."""
    (place / "link").symlink_to("link")
    with pytest.raises(OSError, match=r".*"):
        walk(str(place / "link/x"))
    assert resolve(str(place / "link/x"))
