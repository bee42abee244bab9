"""Any user of a node against the stop of a filesystem: a stop that fails has the node fenced."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.install.launchers import install_agents
from ocf_agents.program.containment import cgroup_root
from ocf_agents.runtime.agent import Code
from tests.rig.on_host.disks import image, loop
from tests.security.enclosed import Enclosed, ended, timed

POINT = "/srv/shop"
LIMIT = 10.0
WITHIN = {"OCF_RESKEY_CRM_meta_timeout": f"{LIMIT * 1000:.0f}"}
WAIT = "print('ready', flush=True); time.sleep(600)"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Enclosed]:
    node = Enclosed(install_agents(tmp_path)[0].parent, tmp_path / "rsctmp")
    yield node
    node.end()


@pytest.fixture
def given(node: Enclosed, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the parameters of a filesystem that is mounted, and open to all users."""
    with loop(image(tmp_path / "disk.img")) as device:
        given = {"device": device, "directory": POINT, "fstype": "ext4"}
        assert node.act("filesystem", "start", **given) == (0, "")
        node.run("chmod", "1777", POINT)
        yield given
        node.act("filesystem", "stop", WITHIN, **given)
        node.run("umount", "--lazy", POINT, check=False)


def stop(node: Enclosed, given: dict[str, str]) -> str:
    """Stop the filesystem, which has to succeed in time; return what was said."""
    code, said, took = timed(lambda: node.act("filesystem", "stop", WITHIN, **given))
    assert code == Code.SUCCESS, said
    assert took < LIMIT
    assert POINT not in node.mounts()
    name = Path(given["device"]).name
    assert not Path(f"/sys/fs/ext4/{name}").exists()
    return said


def test_a_process_that_calls_itself_corosync_is_ended(
    node: Enclosed, given: dict[str, str]
) -> None:
    """By its name nobody is of the cluster."""
    for name in ("corosync", "pacemakerd", "sbd", "systemd"):
        script = f"import os, time; open('/proc/self/comm', 'w').write({name!r}); "
        with node.user(f"{script}os.chdir({POINT!r}); {WAIT}") as holder:
            assert "SIGTERM" in stop(node, given)
            assert ended(holder)
        assert node.act("filesystem", "start", **given) == (0, "")


def test_a_user_unit_named_like_the_clusters_is_no_service(
    node: Enclosed, given: dict[str, str]
) -> None:
    """Users name their own units, which are below the service of that user."""
    top = Path(f"{cgroup_root()}/takeovertest.slice")
    group = top / "user@65534.service" / "app.slice" / "pcsd-x.service"
    group.mkdir(parents=True)
    try:
        with node.user(f"import os, time; os.chdir({POINT!r}); {WAIT}") as holder:
            (group / "cgroup.procs").write_text(str(holder.pid))
            stop(node, given)
            assert ended(holder)
    finally:
        for folder in (group, *list(group.parents)[:3]):
            folder.rmdir()


def test_what_is_called_mount_and_names_the_mount_point_is_not_ended(
    node: Enclosed, given: dict[str, str]
) -> None:
    """In a loop it made the stop fail, and it was killed though it holds nothing."""
    script = (
        "import os, time\n"
        "if len(os.sys.argv) > 2:\n"
        "    open('/proc/self/comm', 'w').write('mount.ext4')\n"
        "    time.sleep(600)\n"
        "def again():\n"
        "    return os.spawnv(os.P_NOWAIT, '/usr/bin/python3',"
        " ['mount', '-IS', '-c', open('/proc/self/cmdline').read().split(chr(0))[3],"
        " 'x', os.sys.argv[1]])\n"
        "child = again()\n"
        "time.sleep(0.3)\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    if os.waitpid(child, 0)[1]:\n"
        "        os._exit(7)\n"  # it was ended
    )
    script = script.replace("os.sys", "sys").replace("import os, time", "import os, sys, time")
    with node.user(script, POINT) as bystander:
        assert "SIG" not in stop(node, given)
        assert bystander.poll() is None


def test_a_respawn_loop_of_a_user_does_not_defeat_the_stop(
    node: Enclosed, given: dict[str, str]
) -> None:
    """Whatever comes after the SIGKILL finds an empty folder."""
    script = (
        "import os, signal, time\n"
        "signal.signal(15, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        f"        os.chdir({POINT!r}); time.sleep(600)\n"
        "    os.waitpid(child, 0)\n"
    )
    with node.user(script) as one, node.user(script) as other:
        assert "SIGKILL" in stop(node, given)
        assert (one.poll(), other.poll()) == (None, None)  # no holders themselves


NAMESPACE = """
import ctypes, os, time
c = ctypes.CDLL(None, use_errno=True)
r, w = os.pipe()
child = os.fork()
if not child:
    assert c.unshare(0x10020000) == 0, ctypes.get_errno()  # CLONE_NEWUSER | CLONE_NEWNS
    os.write(w, b'x')
    time.sleep(600)
os.read(r, 1)
kept = os.open(f'/proc/{{child}}/ns/mnt', os.O_RDONLY)
{table}
os.kill(child, 9)
os.waitpid(child, 0)
{rest}
print('ready', flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", ["descriptor", "message", "table"])
def test_a_mount_namespace_that_only_a_descriptor_keeps_is_found(
    node: Enclosed, given: dict[str, str], how: str
) -> None:
    """The filesystem is mounted in it, and no process is in it.

    No unmount reaches it there: what it is mounted on is not shared, as in a container.
    """
    node.run("mount", "--make-rprivate", "/")
    table, rest = "", ""
    if how == "message":
        rest = (
            "import socket\na, b = socket.socketpair()\n"
            "socket.send_fds(a, [b'x'], [kept])\nos.close(kept)"
        )
    elif how == "table":
        table = "other = os.open(f'/proc/{child}/mountinfo', os.O_RDONLY); os.read(other, 99)"
        rest = "os.close(kept)"
    with node.user(NAMESPACE.format(table=table, rest=rest)) as keeper:
        stop(node, given)
        assert ended(keeper)


def test_a_mount_namespace_that_the_unmount_reaches_costs_nobody_anything(
    node: Enclosed, given: dict[str, str]
) -> None:
    """A start shares what it mounts on: an unmount goes on to the copies."""
    with node.user(NAMESPACE.format(table="", rest="")) as keeper:
        assert "SIG" not in stop(node, given)
        assert keeper.poll() is None


MESSAGE = f"""
import os, socket, time
kept = os.open({POINT!r}, os.O_RDONLY)
a, b = socket.socketpair()
{{pack}}
os.close(kept)
print('ready', flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    "pack",
    [
        "socket.send_fds(a, [b'x'], [kept])",
        "socket.send_fds(a, [b'x' * 100], [kept, 0, kept])",
        "c, d = socket.socketpair(); socket.send_fds(c, [b'x'], [kept]); "
        "socket.send_fds(a, [b'x'], [d.fileno()]); c.close(); d.close()",
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); "
        "socket.send_fds(a, [b'x'], [kept])",
        # One that is not seen, since another message is before it: ended as the last resort.
        "socket.send_fds(a, [b'x'], [0]); socket.send_fds(a, [b'x'], [kept])",
    ],
)
def test_a_file_in_a_message_that_nobody_reads_is_found(
    node: Enclosed, given: dict[str, str], pack: str
) -> None:
    """It is in no table of descriptors (unix(7), SCM_RIGHTS)."""
    with node.user(MESSAGE.format(pack=pack)) as keeper:
        stop(node, given)
        assert ended(keeper)


def test_a_message_of_something_else_costs_nobody_a_process(
    node: Enclosed, given: dict[str, str]
) -> None:
    """Who has unread files of other filesystems is no holder, also while another is one."""
    other = MESSAGE.replace(POINT, "/usr").format(pack="socket.send_fds(a, [b'x'], [kept])")
    with node.user(other) as bystander, node.user(f"import os, time; os.chdir({POINT!r}); {WAIT}"):
        stop(node, given)
        assert bystander.poll() is None


def test_an_unseen_message_costs_no_service_of_the_systems_its_life(
    node: Enclosed, given: dict[str, str]
) -> None:
    """Root's processes are not ended on suspicion."""
    pack = "socket.send_fds(a, [b'x'], [0]); socket.send_fds(a, [b'x'], [1])"
    quick = {"OCF_RESKEY_CRM_meta_timeout": "2000"}
    stubborn = [*node.enter, "sh", "-c", f"exec 3>{POINT}/swap; sleep 600"]
    with node.user(MESSAGE.format(pack=pack), uid=0) as service:
        holder = subprocess.Popen(stubborn)
        try:
            code, said = node.act("filesystem", "stop", quick, **given)
            assert code == Code.SUCCESS, said
            assert service.poll() is None
        finally:
            holder.kill()
            holder.wait()
