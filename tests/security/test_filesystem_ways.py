"""A mount point and a status file where an application's user may put links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.install.launchers import install_agents
from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING
from tests.rig.on_host.disks import image, loop
from tests.security.enclosed import USER, Enclosed

HOME = "/srv/postgresql"
POINT = f"{HOME}/15/main"
LEVEL_20 = {**RECURRING, "OCF_CHECK_LEVEL": "20"}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Enclosed]:
    node = Enclosed(install_agents(tmp_path)[0].parent, tmp_path / "rsctmp")
    node.run("mkdir", "-p", f"{HOME}/15", "/srv/system")
    node.run("chown", "-R", f"{USER}:{USER}", HOME)
    yield node
    node.end()


@pytest.fixture
def given(tmp_path: Path) -> Iterator[dict[str, str]]:
    with loop(image(tmp_path / "disk.img")) as device:
        yield {"device": device, "directory": POINT, "fstype": "ext4"}


def test_a_mount_point_below_a_users_folder_works(node: Enclosed, given: dict[str, str]) -> None:
    """It is made, mounted, monitored and unmounted by its descriptor."""
    for _ in range(2):
        assert node.act("filesystem", "start", **given) == (0, "")
        assert f" {POINT} ext4" in node.mounts()
        assert node.act("filesystem", "monitor", LEVEL_20, **given) == (0, "")
        assert node.act("filesystem", "stop", **given) == (0, "")
        assert POINT not in node.mounts()
    assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING


@pytest.mark.parametrize("target", ["/etc/pam.d", "/srv/system", "/root"])
@pytest.mark.parametrize("where", [POINT, f"{HOME}/15"])
def test_a_link_of_the_users_on_the_way_is_not_followed(
    node: Enclosed, given: dict[str, str], where: str, target: str
) -> None:
    """On a waiting node the user has time to put it there."""
    node.run("rm", "-rf", where)
    with node.user(f"import os; os.symlink({target!r}, {where!r}); print('ready', flush=True)"):
        code, said = node.act("filesystem", "start", **given)
    assert code == Code.ERR_ARGS
    assert "there is a link on the way to" in said or "not a folder" in said
    assert given["device"] not in node.mounts()
    assert "main" not in node.run("ls", target).stdout.split()
    assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING
    assert node.act("filesystem", "stop", **given) == (0, "")


def test_whoever_is_quick_with_links_does_not_lead_root_astray(
    node: Enclosed, given: dict[str, str]
) -> None:
    """The folder is exchanged for a link again and again, also between the look and the mount."""
    script = (
        "import ctypes, os\n"
        f"os.chdir({HOME!r}); os.makedirs('15/main', exist_ok=True)\n"
        "os.symlink('/srv/system', 'link')\n"
        "c = ctypes.CDLL(None)\n"
        "print('ready', flush=True)\n"
        "while True:\n"  # RENAME_EXCHANGE
        "    c.renameat2(-100, b'15', -100, b'link', 2)\n"
    )
    node.run("mkdir", "-p", "/srv/system/main")
    began = []
    with node.user(script):
        for _ in range(12):
            code, _ = node.act("filesystem", "start", **given)
            began.append(code)
            assert " /srv/system" not in node.mounts()
            stopped = node.act("filesystem", "stop", **given)
            assert stopped[0] == Code.SUCCESS, stopped
            assert given["device"] not in node.mounts()
    assert set(began) <= {Code.SUCCESS, Code.ERR_GENERIC, Code.ERR_ARGS}


def test_a_stop_unmounts_nothing_else_when_the_way_has_changed(
    node: Enclosed, given: dict[str, str]
) -> None:
    """The user renames a folder above the mount, and puts a link to another mount in its place."""
    assert node.act("filesystem", "start", **given) == (0, "")
    node.run("mkdir", "-p", "/srv/other/main")
    node.run("mount", "-t", "tmpfs", "others", "/srv/other/main")
    script = (
        f"import os; os.rename({HOME + '/15'!r}, {HOME + '/16'!r}); "
        f"os.symlink('/srv/other', {HOME + '/15'!r}); print('ready', flush=True)"
    )
    with node.user(script):
        assert node.act("filesystem", "monitor", RECURRING, **given)[0] == Code.ERR_GENERIC
        assert node.act("filesystem", "stop", **given) == (0, "")
    assert "others /srv/other/main" in node.mounts()
    assert given["device"] not in node.mounts()


SYSTEM = (
    *("/usr/lib", "/usr/bin", "/etc/pam.d", "/etc", "/boot/efi", "/usr/share/x", "/root/.ssh"),
    *("/lib/modules", "/run/systemd", "/var/run/x", "/dev/pts/x", "/usr/local/bin", "/sbin/x"),
    *("/var/lib/dpkg/info", "/var/lib/pacemaker/cib", "/var/spool/cron/crontabs", "/proc/x"),
    *("/usr/libexec/x", "/lib64/x", "/var/lib/systemd/x", "/sys/x", "/usr/../etc/pam.d", "//etc"),
)
DATA = (
    "/srv/x",
    "/var/lib/x",
    "/home/x",
    "/opt/x",
    "/mnt/x",
    "/media/x",
    "/var/lib/mysql",
    "/home",
)


def test_folders_of_the_system_are_refused_and_those_for_data_are_not(
    node: Enclosed, given: dict[str, str]
) -> None:
    """A filesystem of data over the system's programs or settings is the end of the node."""
    for directory in SYSTEM:
        code, said = node.act("filesystem", "validate-all", **{**given, "directory": directory})
        assert (code, "folder of the system" in said) == (Code.ERR_CONFIGURED, True), directory
    for directory in DATA:
        code, _ = node.act("filesystem", "validate-all", **{**given, "directory": directory})
        assert code == Code.SUCCESS, directory


def test_roots_own_link_to_a_folder_of_the_system_is_refused(
    node: Enclosed, given: dict[str, str]
) -> None:
    """Links of root's are followed, but not there."""
    node.run("ln", "-s", "/etc/pam.d", "/srv/link")
    code, said = node.act("filesystem", "start", **{**given, "directory": "/srv/link"})
    assert code == Code.ERR_ARGS
    assert "leads to /etc/pam.d, a folder of the system" in said
    node.run("ln", "-s", "/srv/real", "/srv/data")
    node.run("mkdir", "/srv/real")
    linked = {**given, "directory": "/srv/data"}
    assert node.act("filesystem", "start", **linked) == (0, "")
    assert " /srv/real ext4" in node.mounts()
    assert node.act("filesystem", "stop", **linked) == (0, "")


@pytest.mark.parametrize("kind", ["file", "folder", "pipe", "hard"])
@pytest.mark.parametrize("prefix", [".Filesystem_status/", ".status"])
def test_the_status_file_is_not_written_through_what_the_owner_has_put_there(
    node: Enclosed, given: dict[str, str], kind: str, prefix: str
) -> None:
    """The owner of the filesystem replaces it, or its folder, by a link, a pipe or another file."""
    given["statusfile_prefix"] = prefix
    assert node.act("filesystem", "start", **given) == (0, "")
    node.run("chown", f"{USER}:{USER}", POINT)
    assert node.act("filesystem", "monitor", LEVEL_20, **given) == (0, "")
    [status] = node.run("sh", "-c", f"find {POINT}/.[Fs]* -type f").stdout.split()
    node.run("mkdir", "-p", "/srv/system/inside")
    node.run("sh", "-c", f"echo precious > /srv/system/file; echo precious > {POINT}/own")
    target = {
        "file": f"os.symlink('/srv/system/file', {status!r})",
        "folder": f"os.symlink('/srv/system/inside', {status!r})",
        "pipe": f"os.mkfifo({status!r})",
        "hard": f"os.link({POINT + '/mine'!r}, {status!r})",
    }[kind]
    folder = str(Path(status).parent)
    mine = f"open({POINT + '/mine'!r}, 'w').write('precious')"
    gone = f"os.rename({folder!r}, {POINT + '/gone'!r}); os.mkdir({folder!r})"
    gone = gone if folder != POINT else f"os.unlink({status!r})"
    with node.user(f"import os; {mine}; {gone}; {target}; print('ready', flush=True)"):
        code, said = node.act("filesystem", "monitor", LEVEL_20, **given)
        assert (code, "status" in said.lower()) == (Code.ERR_GENERIC, True), said
    assert node.run("cat", "/srv/system/file").stdout == "precious\n"
    assert node.run("cat", f"{POINT}/mine").stdout == "precious"
    assert node.run("ls", "/srv/system/inside").stdout == ""
    assert node.act("filesystem", "stop", **given) == (0, "")


def test_a_link_in_place_of_the_status_files_folder_is_not_followed(
    node: Enclosed, given: dict[str, str]
) -> None:
    """Nothing is made where it leads to."""
    assert node.act("filesystem", "start", **given) == (0, "")
    node.run("chown", f"{USER}:{USER}", POINT)
    link = f"os.symlink('/srv/system', {POINT + '/.Filesystem_status'!r})"
    with node.user(f"import os; {link}; print('ready', flush=True)"):
        code, said = node.act("filesystem", "monitor", LEVEL_20, **given)
    assert (code, "is a link" in said) == (Code.ERR_GENERIC, True), said
    assert node.run("ls", "/srv/system").stdout == ""
    assert node.act("filesystem", "stop", **given) == (0, "")


@pytest.mark.parametrize("directory", ["", "/usr/lib", "relative", "/", "/srv/elsewhere"])
def test_a_stop_without_the_right_directory_unmounts_what_the_start_has_mounted(
    node: Enclosed, given: dict[str, str], directory: str
) -> None:
    """A stop of 0 means that nothing is left, whatever the parameters say by now."""
    for kind in ("disk", "folder"):
        if kind == "folder":
            node.run("mkdir", "-p", "/srv/source")
            given |= {"device": "/srv/source", "options": "bind", "fstype": "none"}
        assert node.act("filesystem", "start", **given)[0] == Code.SUCCESS
        assert POINT in node.mounts()
        wrong = {**given, "directory": directory}
        if not directory:
            del wrong["directory"]
        assert node.act("filesystem", "stop", **wrong) == (0, "")
        assert POINT not in node.mounts()
