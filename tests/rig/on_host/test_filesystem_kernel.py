"""All ways that the kernel knows to keep a filesystem busy, and disks with several mounts.

On nodes that see no process but their own.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.install.launchers import install_agents
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING
from tests.rig.on_host.disks import image, loop
from tests.rig.on_host.watching import problems, watches
from tests.security.enclosed import Enclosed, ended

POINT = "/srv/shop"
SHORT = {"OCF_RESKEY_CRM_meta_timeout": "3000"}
LEVEL_10 = {**RECURRING, "OCF_CHECK_LEVEL": "10"}
BTRFS = ("mkfs.btrfs", "-q")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Enclosed]:
    node = Enclosed(install_agents(tmp_path)[0].parent, tmp_path / "rsctmp")
    yield node
    node.end()


@pytest.fixture
def given(node: Enclosed, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the parameters of a filesystem that is mounted."""
    with loop(image(tmp_path / "disk.img", size=64)) as device:
        given = {"device": device, "directory": POINT, "fstype": "ext4"}
        assert node.act("filesystem", "start", **given) == (0, "")
        node.run("chmod", "1777", POINT)
        yield given
        node.act("filesystem", "stop", SHORT, **given)
        node.run("umount", "--lazy", POINT, check=False)


WAIT = "print('ready', flush=True); time.sleep(600)"
UNSHARE = "import ctypes, os, threading, time; c = ctypes.CDLL(None); did = threading.Event()\n"
THREAD = (
    "threading.Thread(target=work, daemon=True).start(); did.wait()\n"
    "print('ready', flush=True); time.sleep(600)"
)
BIND = "import os, socket, time; s = socket.socket(socket.AF_UNIX)\n"
KINDS = {
    "folder": f"import os, time; os.chdir({POINT!r}); {WAIT}",
    "descriptor": f"import time; kept = open({POINT + '/f'!r}, 'w'); {WAIT}",
    "removed file": f"import os, time; k = open({POINT + '/f'!r}, 'w'); os.unlink(k.name); {WAIT}",
    "path only": f"import os, time; kept = os.open({POINT!r}, os.O_PATH); {WAIT}",
    "removed map": (
        f"import mmap, os, time; f = open({POINT + '/f'!r}, 'wb+'); f.truncate(4096)\n"
        f"kept = mmap.mmap(f.fileno(), 4096); f.close(); os.unlink({POINT + '/f'!r}); {WAIT}"
    ),
    "socket": f"{BIND}s.bind({POINT + '/socket'!r}); {WAIT}",
    "socket without a name": (
        f"{BIND}s.bind({POINT + '/socket'!r}); os.unlink({POINT + '/socket'!r}); {WAIT}"
    ),
    "relative socket": (
        f"{BIND}os.chdir({POINT!r}); s.bind('socket'); os.chdir('/'); s.listen(); {WAIT}"
    ),
    "accepted socket": (
        f"{BIND}s.bind({POINT + '/socket'!r}); s.listen(); c = socket.socket(socket.AF_UNIX)\n"
        f"c.connect({POINT + '/socket'!r}); kept = s.accept(); s.close(); {WAIT}"
    ),
    "thread's folder": (
        f"{UNSHARE}def work():\n"
        f"    assert c.unshare(0x200) == 0; os.chdir({POINT!r})\n"
        f"    did.set(); time.sleep(600)\n{THREAD}"
    ),
    "thread's descriptor": (
        f"{UNSHARE}def work():\n"
        f"    assert c.unshare(0x400) == 0; k = open({POINT + '/f'!r}, 'w')\n"
        f"    did.set(); time.sleep(600)\n{THREAD}"
    ),
    "thread's socket": (
        f"{UNSHARE}import socket\ndef work():\n"
        f"    assert c.unshare(0x400) == 0; s = socket.socket(socket.AF_UNIX)\n"
        f"    s.bind({POINT + '/socket'!r}); did.set(); time.sleep(600)\n{THREAD}"
    ),
    "thread of a dead first thread": (
        f"{UNSHARE}def work():\n"
        f"    os.chdir({POINT!r}); k = open('f', 'w'); print('ready', flush=True)\n"
        "    did.set(); time.sleep(600)\n"
        "threading.Thread(target=work).start(); did.wait(); c.syscall(60, 0)"
    ),
    "lock": (f"import fcntl, time; f = open({POINT + '/f'!r}, 'w'); fcntl.flock(f, 2); {WAIT}"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_holds_it_is_ended(node: Enclosed, given: dict[str, str], kind: str) -> None:
    """Whatever the kernel knows as a use of a filesystem by a process."""
    bystanders = f"import time; kept = open('/srv/file', 'w'); {WAIT}"
    node.run("touch", "/srv/file")
    node.run("chmod", "666", "/srv/file")
    with node.user(KINDS[kind]) as holder, node.user(bystanders) as bystander:
        code, said = node.act("filesystem", "stop", **given)
        assert code == Code.SUCCESS, said
        assert f"{POINT} " not in node.mounts()
        assert ended(holder)
        assert bystander.poll() is None


@pytest.mark.parametrize("kind", ["descriptor", "removed map", "socket", "relative socket"])
def test_a_bind_mounts_own_holders_are_ended_and_no_others(
    node: Enclosed, given: dict[str, str], kind: str
) -> None:
    """The same files, open by another mount of the same disk, hold nothing."""
    node.run("mkdir", "-m", "1777", f"{POINT}/source", "/srv/bound")
    bind = {"device": f"{POINT}/source", "directory": "/srv/bound", "options": "bind"}
    node.forget()
    assert node.act("filesystem", "start", **bind)[0] == Code.SUCCESS
    inside = KINDS[kind].replace(POINT, "/srv/bound")
    beside = KINDS["descriptor"].replace(POINT, f"{POINT}/source")
    with node.user(inside) as holder, node.user(beside) as bystander:
        code, said = node.act("filesystem", "stop", **bind)
        assert code == Code.SUCCESS, said
        assert ended(holder)
        assert bystander.poll() is None
    node.forget()
    assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS


@pytest.mark.parametrize("kind", ["loop", "swap", "overlay", "loop elsewhere"])
def test_what_the_kernel_itself_uses_there_is_named(
    node: Enclosed, given: dict[str, str], kind: str
) -> None:
    """There is no process to end; the reason of the failed stop says what it is."""
    undo: list[tuple[str, ...]] = []
    file = f"{POINT}/file"
    node.run("dd", "if=/dev/zero", f"of={file}", "bs=1M", "count=8")
    if kind.startswith("loop"):
        device = node.run("losetup", "--find", "--show", file).stdout.strip()
        named = f"the loop device {Path(device).name} of {file}"
        undo = [("losetup", "--detach", device)]
        if kind == "loop elsewhere":
            node.run("mkfs.ext2", "-q", device)
            node.run("mkdir", "/srv/elsewhere")
            node.run("mount", device, "/srv/elsewhere")
            undo = [("umount", "/srv/elsewhere"), *undo]
    elif kind == "swap":
        node.run("chmod", "600", file)
        node.run("mkswap", file)
        node.run("swapon", file)
        named = f"the swap file {file}"
        undo = [("swapoff", file)]
    else:
        node.run("mkdir", f"{POINT}/upper", f"{POINT}/work", "/srv/lower", "/srv/over")
        layers = f"lowerdir=/srv/lower,upperdir={POINT}/upper,workdir={POINT}/work"
        node.run("mount", "-t", "overlay", "over", "-o", layers, "/srv/over")
        named = "the overlay on /srv/over"
        undo = [("umount", "/srv/over")]
    code, said = node.act("filesystem", "stop", SHORT, **given)
    for command in undo:
        node.run(*command)
    assert (code, named in said) == (Code.ERR_GENERIC, True), said
    code, said = node.act("filesystem", "stop", **given)
    assert code == Code.SUCCESS, said


def test_a_frozen_filesystem_is_thawed_before_it_is_unmounted(
    node: Enclosed, given: dict[str, str]
) -> None:
    """Once unmounted the kernel would keep it, frozen, and nobody could thaw it."""
    node.run("fsfreeze", "--freeze", POINT)
    code, said = node.act("filesystem", "stop", **given)
    assert (code, "was frozen" in said) == (Code.SUCCESS, True), said
    assert not Path("/sys/fs/ext4", Path(given["device"]).name).exists()


def test_a_mount_namespace_that_a_mount_keeps_is_cleared(
    node: Enclosed, given: dict[str, str]
) -> None:
    """No process is in it: what it has mounted is unmounted there."""
    node.run("touch", "/srv/namespace")
    node.run("mkdir", "/srv/private")
    node.run("mount", "--bind", "/srv/private", "/srv/private")
    node.run("mount", "--make-private", "/srv/private")
    node.run("touch", "/srv/private/namespace")
    # unshare(1) binds it from outside, now and then before there is one (util-linux 2.38).
    bind = ("unshare", "--mount=/srv/private/namespace", "true")
    assert any(node.run(*bind, check=False).returncode == 0 for _ in range(20))
    code, said = node.act("filesystem", "stop", **given)
    assert code == Code.SUCCESS, said
    assert not Path("/sys/fs/ext4", Path(given["device"]).name).exists()
    node.run("umount", "/srv/private/namespace")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Return two disks that a btrfs is on."""
    paths = [tmp_path / "a.img", tmp_path / "b.img"]
    for path in paths:
        with path.open("wb") as file:
            file.truncate(128 << 20)
    with loop(paths[0]) as a, loop(paths[1]) as b:
        subprocess.run([*BTRFS, "-f", "-d", "raid1", "-m", "raid1", a, b], check=True)
        yield a, b


@pytest.mark.parametrize("which", [0, 1, "uuid"])
def test_a_btrfs_of_two_disks(node: Enclosed, two: tuple[str, str], which: int | str) -> None:
    """The kernel shows one of them, whichever was given; both are the resource's."""
    uuid = node.run("blkid", "-p", "-s", "UUID", "-o", "value", two[0]).stdout.strip()
    device = f"UUID={uuid}" if isinstance(which, str) else two[which]
    given = {"device": device, "directory": POINT}
    for fstype in ({}, {"fstype": "btrfs"}):
        code, said = node.act("filesystem", "start", **given, **fstype)
        assert code == Code.SUCCESS, said
        for level in ("0", "10", "20"):
            environ = {**RECURRING, "OCF_CHECK_LEVEL": level}
            assert node.act("filesystem", "monitor", environ, **given) == (0, "")
        node.forget()
        assert node.act("filesystem", "monitor", **given)[0] == Code.SUCCESS
        assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
        assert POINT not in node.mounts()
        assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING


@pytest.mark.parametrize("forget", [False, True])
def test_subvolumes_of_one_btrfs_are_resources_of_their_own(
    node: Enclosed, tmp_path: Path, forget: bool
) -> None:
    """A stop takes its own, a probe speaks of its own; the disk goes with the last."""
    with loop(image(tmp_path / "disk.img", *BTRFS, size=128)) as device:
        node.run("mkdir", "/srv/whole")
        node.run("mount", device, "/srv/whole")
        for name in "ab":
            node.run("btrfs", "subvolume", "create", f"/srv/whole/{name}")
        node.run("umount", "/srv/whole")
        one, other = (
            {"device": device, "directory": f"/srv/{name}", "options": f"subvol={name}"}
            for name in "ab"
        )
        names = [{"OCF_RESOURCE_INSTANCE": name} for name in ("one", "other")]
        assert node.act("filesystem", "start", names[0], **one)[0] == Code.SUCCESS
        if forget:
            node.forget()
        assert node.act("filesystem", "monitor", names[1], **other)[0] == Code.NOT_RUNNING
        assert node.act("filesystem", "stop", names[1], **other)[0] == Code.SUCCESS or forget
        if forget:
            return  # nobody knows any more whose it was
        assert node.act("filesystem", "start", names[1], **other)[0] == Code.SUCCESS
        holder = subprocess.Popen([*node.enter, "sh", "-c", "cd /srv/b; exec sleep 600"])
        time.sleep(0.3)
        assert node.act("filesystem", "stop", names[0], **one)[0] == Code.SUCCESS
        assert "/srv/a" not in node.mounts()
        assert "/srv/b" in node.mounts()
        assert holder.poll() is None
        assert node.act("filesystem", "monitor", names[0], **one)[0] == Code.NOT_RUNNING
        up = {**RECURRING, **names[1]}
        assert node.act("filesystem", "monitor", up, **other)[0] == Code.SUCCESS
        # What somebody has mounted of it besides goes with the last.
        node.run("mount", device, "/srv/whole")
        assert node.act("filesystem", "stop", names[1], **other)[0] == Code.SUCCESS
        assert holder.wait(5) == -15
        assert device not in node.mounts()
        assert not list(Path("/sys/fs/btrfs").glob(f"*/devices/{Path(device).name}"))


def test_two_mounts_of_one_disk_are_resources_of_their_own(
    node: Enclosed, given: dict[str, str]
) -> None:
    """The same disk on two folders: a stop unmounts its own, and ends its own holders."""
    second = {**given, "directory": "/srv/second"}
    name = {"OCF_RESOURCE_INSTANCE": "second"}
    # Of one group: of two that may run on different nodes, a probe of the second fails.
    both = f"<primitive id='host-test-{os.getpid()}'/><primitive id='second'/>"
    group = f"<group id='site'>{both}</group>"
    cib = f"<cib><configuration><resources>{group}</resources></configuration></cib>"
    folder = "/var/lib/pacemaker/cib"
    Path(folder).mkdir(parents=True, exist_ok=True)
    node.run("mount", "-t", "tmpfs", "none", folder)
    node.run("sh", "-c", f'echo "{cib}" >{folder}/cib.xml')
    assert node.act("filesystem", "monitor", name, **second)[0] == Code.NOT_RUNNING
    assert node.act("filesystem", "start", name, **second)[0] == Code.SUCCESS
    holder = subprocess.Popen([*node.enter, "sh", "-c", f"cd {POINT}; exec sleep 600"])
    time.sleep(0.3)
    assert node.act("filesystem", "stop", name, **second)[0] == Code.SUCCESS
    assert holder.poll() is None
    assert node.act("filesystem", "monitor", RECURRING, **given) == (0, "")
    assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
    assert holder.wait(5) == -15
    assert given["device"] not in node.mounts()


def test_a_bind_mount_whose_folder_was_replaced(node: Enclosed) -> None:
    """As deployments do: mv source old; mkdir source. It is known by what the start remembered."""
    node.run("mkdir", "/srv/source")
    given = {"device": "/srv/source", "directory": POINT, "options": "bind"}
    assert node.act("filesystem", "start", **given) == (0, "")
    node.run("mv", "/srv/source", "/srv/old")
    node.run("mkdir", "/srv/source")
    assert node.act("filesystem", "monitor", RECURRING, **given) == (0, "")
    assert node.act("filesystem", "stop", **given) == (0, "")
    assert POINT not in node.mounts()
    assert node.act("filesystem", "start", **given) == (0, "")
    node.run("rmdir", "/srv/source")
    assert node.act("filesystem", "stop", **given) == (0, "")
    assert POINT not in node.mounts()


def test_a_bind_mount_of_a_file(node: Enclosed) -> None:
    """The mount point is a file, made if it is not there."""
    node.run("sh", "-c", "echo precious > /srv/file")
    given = {"device": "/srv/file", "directory": "/srv/bound", "options": "bind"}
    for _ in range(2):
        assert node.act("filesystem", "start", **given) == (0, "")
        assert node.run("cat", "/srv/bound").stdout == "precious\n"
        assert node.act("filesystem", "monitor", RECURRING, **given) == (0, "")
        assert node.act("filesystem", "stop", **given) == (0, "")
        assert "/srv/bound" not in node.mounts()


def test_an_xfs_that_has_shut_itself_down(node: Enclosed, tmp_path: Path) -> None:
    """The table of mounts does not show it; every level of the monitor finds it, and a start."""
    with loop(image(tmp_path / "disk.img", "mkfs.xfs", "-q", size=320)) as device:
        given = {"device": device, "directory": POINT, "fstype": "xfs"}
        assert node.act("filesystem", "start", **given) == (0, "")
        watched = watches(node, "filesystem", given)
        assert problems(node, watched) == ["", ""]
        node.run("xfs_io", "-x", "-c", "shutdown", POINT)
        assert problems(node, watched) == [f"{POINT} was shut down by XFS after an error", ""]
        for level in ("0", "10", "20"):
            environ = {**RECURRING, "OCF_CHECK_LEVEL": level}
            code, said = node.act("filesystem", "monitor", environ, **given)
            assert (code, "was shut down by XFS" in said) == (Code.ERR_GENERIC, True)
        assert node.act("filesystem", "monitor", **given)[0] == Code.ERR_GENERIC
        assert node.act("filesystem", "start", **given)[0] == Code.ERR_GENERIC
        assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS


@pytest.mark.parametrize("state", [*mountinfo.DEAD, "running"])
def test_a_disk_that_the_kernel_has_given_up_is_found_by_monitor_and_watch(
    node: Enclosed, given: dict[str, str], state: str
) -> None:
    """A SCSI or NVMe disk has a state in /sys, here that of the loop device, for this node."""
    folder = str(Path("/sys/block", Path(given["device"]).name).resolve())
    node.run("mkdir", "-p", "/srv/upper/device", "/srv/work")
    node.run("sh", "-c", f"echo {state} > /srv/upper/device/state")
    layers = f"lowerdir={folder},upperdir=/srv/upper,workdir=/srv/work"
    watched = watches(node, "filesystem", given)
    node.run("mount", "-t", "overlay", "sysfs", "-o", layers, folder)
    is_fine = state == "running"
    told = "" if is_fine else f"the disk {Path(given['device']).name} is {state}"
    assert problems(node, watched) == ["", told]
    for level in ("0", "10", "20"):
        environ = {**RECURRING, "OCF_CHECK_LEVEL": level}
        code, said = node.act("filesystem", "monitor", environ, **given)
        assert code == (Code.SUCCESS if is_fine else Code.ERR_GENERIC)
        assert (f"{given['device']} is {state}, but still mounted" in said) is not is_fine
    assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
    node.run("umount", folder)


@pytest.mark.parametrize(
    ("device", "fstype"),
    [
        ("//server/share", "cifs"),
        ("//server/share", "smb3"),
        ("//server/share", ""),
        ("/volume", "glusterfs"),
        ("/name", "fuse.x"),
        ("/none", "tmpfs"),
        ("/tag", "virtiofs"),
    ],
)
def test_what_has_no_disk_is_not_waited_for_as_one(
    node: Enclosed, device: str, fstype: str
) -> None:
    """Its source looks like a path, and is none: the type decides."""
    given = {"device": device, "directory": POINT, **({"fstype": fstype} if fstype else {})}
    began = time.monotonic()
    limit = {"OCF_RESKEY_CRM_meta_timeout": "8000"}
    code, said = node.act("filesystem", "start", limit, **given)
    assert time.monotonic() - began < 3
    assert "is not on this node" not in said
    if fstype == "tmpfs":
        assert (code, said) == (0, "")
        assert node.act("filesystem", "monitor", RECURRING, **given) == (0, "")
    assert node.act("filesystem", "stop", **given) == (0, "")
    assert POINT not in node.mounts()
