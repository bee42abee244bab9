"""The filesystem agent; the table of mounts is a text here, mount and umount are scripts."""

from __future__ import annotations

import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_agents.disk import reservation, unmount
from ocf_agents.disk.busy import spared
from ocf_agents.disk.holders import Holder, holders
from ocf_agents.filesystem import Filesystem
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.process import identify
from ocf_agents.watcher import watches
from tests.unit.fakes import sg_persist
from tests.unit.ocf_agents.conftest import Act
from vagrant.common.waiting import eventually

RECURRING = {"OCF_RESKEY_CRM_meta_interval": "10000"}
UNRESERVED: dict[str, object] = {"keys": {}, "held": None, "aptpl": True, "fail": {}, "calls": []}
ROOT = "1 0 254:0 / / rw - ext4 /dev/root rw"
Programs = Callable[[str, str], Path]


class Table:
    """A table of mounts that tests write and scripts change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write()

    def write(self, *lines: str) -> None:
        """Have these mounts besides that of the root."""
        self.path.write_text("\n".join([ROOT, *lines]) + "\n")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    table = Table(tmp_path / "mountinfo")
    monkeypatch.setattr(mountinfo, "_read", lambda _: table.path.read_text())
    # No process of this machine may be taken for a holder of mounts that do not exist.
    monkeypatch.setattr(unmount, "holders", lambda *_, **__: [])
    monkeypatch.setattr(unmount, "suspects", lambda *_, **__: [])
    monkeypatch.setattr(unmount, "namespaces", lambda _: [])
    monkeypatch.setattr(unmount, "keepers", lambda _: [])
    monkeypatch.setattr(mountinfo, "SYSFS", str(tmp_path / "sys"))
    disks = tmp_path / "sys/dev/block"
    disks.mkdir(parents=True)
    for number in ("1:3", "8:32"):
        (disks / number).symlink_to("../../devices/sdx")
    (tmp_path / "sys/devices/sdx").mkdir(parents=True)
    return table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop"


@pytest.fixture
def parameters(folder: Path) -> dict[str, str]:
    """Return the parameters of a filesystem on /dev/null, a device that every host has."""
    return {"device": "/dev/null", "directory": str(folder), "fstype": "ext4"}


def line(folder: Path, *, device: str = "1:3", source: str = "/dev/null", flags: str = "rw") -> str:
    return f"30 1 {device} / {folder} rw,noatime - ext4 {source} {flags}"


def test_nothing_mounted_is_not_running(act: Act, table: Table, parameters: dict[str, str]) -> None:
    """A probe says 7, and a stop has nothing to do."""
    assert table.path.exists()
    assert act(Filesystem, "monitor", **parameters).code == Code.NOT_RUNNING
    assert act(Filesystem, "stop", **parameters).code == Code.SUCCESS


def test_start_mounts_with_the_given_options(
    act: Act, table: Table, folder: Path, parameters: dict[str, str], programs: Programs
) -> None:
    """The mount point is made, mount called once, without _netdev, and the result verified."""
    log = table.path.with_name("log")
    programs("mount", f'echo "$@" >> {log}; echo "{line(folder)}" >> {table.path}')
    for _ in range(2):
        outcome = act(Filesystem, "start", **parameters, options="noatime,_netdev,nodev")
        assert (outcome.code, outcome.reason) == (Code.SUCCESS, "")
    assert log.read_text() == f"-t ext4 -o noatime,nodev -- /dev/null {folder}\n"
    assert folder.is_dir()
    outcome = act(Filesystem, "monitor", **parameters, environ=RECURRING)
    assert outcome.code == Code.SUCCESS


def test_a_failed_mount_tells_what_mount_said(
    act: Act, table: Table, parameters: dict[str, str], programs: Programs
) -> None:
    """The reason has the words of mount(8) first, however long they are."""
    assert table.path.exists()
    programs("mount", f"echo wrong fs type {'x' * 200} >&2; exit 32")
    outcome = act(Filesystem, "start", **parameters)
    assert outcome.code == Code.ERR_GENERIC
    assert outcome.kept.startswith("wrong fs type xxx")
    assert outcome.kept.endswith("... (mount failed with 32; the kernel's log may say")
    assert "x" * 200 in outcome.reason


def test_a_failed_attach_tells_what_the_program_said(
    act: Act, table: Table, parameters: dict[str, str], programs: Programs
) -> None:
    """The reason has the program's last line and the LUN, not the whole command; the log has."""
    assert table.path.exists()
    programs("mount", "exit 1")
    program = programs("attach-lun", "echo asking; echo this rig has no LUN 7 >&2; exit 1")
    del parameters["device"]
    iscsi = {"portal": "198.51.100.1", "target": "iqn.2001-04.com.example:shop", "lun": "7"}
    outcome = act(Filesystem, "start", **parameters, **iscsi, attach=str(program))
    assert outcome.kept == "this rig has no LUN 7 (attach of LUN 7 failed with 1)"
    assert f"{program} attach 198.51.100.1 iqn.2001-04.com.example:shop 7" in outcome.reason


def test_a_trailing_slash_or_a_link_is_the_same_folder(
    act: Act, table: Table, folder: Path, parameters: dict[str, str]
) -> None:
    """The mount point is recognized however it is written."""
    link = folder.with_name("link")
    link.symlink_to(folder)
    table.write(line(folder))
    for written in (f"{folder}/", f"{folder.parent}//shop", str(link)):
        outcome = act(Filesystem, "monitor", **{**parameters, "directory": written})
        assert outcome.code == Code.SUCCESS


def test_another_device_on_the_mount_point_is_left_alone(
    act: Act, table: Table, folder: Path, parameters: dict[str, str], programs: Programs
) -> None:
    """A probe says 7, a monitor 1, a start fails, and a stop succeeds without unmounting it."""
    programs("mount", "exit 99")
    programs("umount", "exit 99")
    table.write(line(folder, device="8:32", source="/dev/zero"))
    assert act(Filesystem, "monitor", **parameters).code == Code.NOT_RUNNING
    outcome = act(Filesystem, "monitor", **parameters, environ=RECURRING)
    assert outcome.code == Code.ERR_GENERIC
    assert f"another device, /dev/zero, is mounted on {folder}" in outcome.reason
    outcome = act(Filesystem, "start", **parameters)
    assert outcome.code == Code.ERR_GENERIC
    assert f"/dev/zero is already mounted on {folder}" in outcome.reason
    assert act(Filesystem, "stop", **parameters).code == Code.SUCCESS
    assert str(folder) in table.path.read_text()


def test_in_doubt_it_is_mounted_here(
    act: Act, table: Table, folder: Path, parameters: dict[str, str]
) -> None:
    """A device name that has vanished does not make a mounted filesystem "not running"."""
    table.write(line(folder, device="8:32", source="/dev/sdc"))
    outcome = act(Filesystem, "monitor", **{**parameters, "device": "/dev/disk/by-id/gone"})
    assert outcome.code == Code.SUCCESS


def test_a_disk_that_the_node_has_lost_fails_the_monitor(
    act: Act, table: Table, folder: Path, parameters: dict[str, str], tmp_path: Path
) -> None:
    """A mount outlives its disk; that is exit 1, so that the service moves (never 2, 5 or 6)."""
    table.write(line(folder))
    assert act(Filesystem, "monitor", **parameters, environ=RECURRING).code == Code.SUCCESS
    (tmp_path / "sys/dev/block/1:3").unlink()
    for environ in (RECURRING, {}):
        outcome = act(Filesystem, "monitor", **parameters, environ=environ)
        assert outcome.code == Code.ERR_GENERIC
        assert outcome.kept.startswith("/dev/null is gone, but still mounted on")


@pytest.mark.parametrize("flag", ["ro", "emergency_ro", "shutdown"])
def test_a_filesystem_that_became_read_only_fails(
    act: Act, table: Table, folder: Path, parameters: dict[str, str], flag: str
) -> None:
    """errors=remount-ro is noticed, under each name that kernels have for it."""
    table.write(line(folder, flags=f"{flag},errors=remount-ro"))
    outcome = act(Filesystem, "monitor", **parameters)
    assert outcome.code == Code.ERR_GENERIC
    assert f"/dev/null on {folder} is read-only" in outcome.reason
    asked_for = act(Filesystem, "monitor", **parameters, options="noatime,ro")
    assert asked_for.code == Code.SUCCESS


def test_stop_unmounts_what_is_below_first(
    act: Act, table: Table, folder: Path, parameters: dict[str, str], programs: Programs
) -> None:
    """Submounts go before the filesystem, and its bind mounts elsewhere go too."""
    log = table.path.with_name("log")
    table.write(
        line(folder),
        f"31 30 0:77 / {folder}/cache rw - tmpfs tmpfs rw",
        "32 1 1:3 /files /srv/elsewhere rw - ext4 /dev/null rw",
        f"33 1 8:99 / {folder}-other rw - ext4 /dev/other rw",
    )
    programs(
        "umount",
        f'echo "$3" >> {log}; /bin/grep -v -F " $3 rw" {table.path} > {table.path}.new; '
        f"/bin/mv {table.path}.new {table.path}",
    )
    outcome = act(Filesystem, "stop", **parameters)
    assert (outcome.code, outcome.reason) == (Code.SUCCESS, "")
    assert log.read_text().splitlines() == ["/srv/elsewhere", f"{folder}/cache", str(folder)]
    assert f"{folder}-other" in table.path.read_text()


def test_nobody_is_ended_before_everything_was_tried(
    *,
    act: Act,
    table: Table,
    folder: Path,
    parameters: dict[str, str],
    programs: Programs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All mounts are unmounted in one pass, and holders looked for only where that failed."""
    monkeypatch.setattr(unmount, "holders", lambda *_, **__: pytest.fail("looked for holders"))
    table.write(line(folder), f"31 30 0:77 / {folder}/cache rw - tmpfs tmpfs rw")
    programs(
        "umount",
        f'/bin/grep -v -F " $3 rw" {table.path} > {table.path}.new; '
        f"/bin/mv {table.path}.new {table.path}",
    )
    outcome = act(Filesystem, "stop", **parameters)
    assert (outcome.code, outcome.reason) == (Code.SUCCESS, "")


def test_a_superblock_without_a_mount_is_not_free(
    act: Act, table: Table, parameters: dict[str, str], tmp_path: Path
) -> None:
    """What was unmounted lazily is no "not running", and a stop does not return before it ends."""
    assert table.path.exists()
    (tmp_path / "sys/fs/xfs/sdx").mkdir(parents=True)
    assert act(Filesystem, "monitor", **parameters).code == Code.ERR_GENERIC
    limit = {"OCF_RESKEY_CRM_meta_timeout": "800"}
    outcome = act(Filesystem, "stop", **parameters, environ=limit)
    assert outcome.code == Code.ERR_GENERIC
    (tmp_path / "sys/fs/xfs/sdx").rmdir()
    assert act(Filesystem, "monitor", **parameters).code == Code.NOT_RUNNING
    assert act(Filesystem, "stop", **parameters).code == Code.SUCCESS


@pytest.mark.usefixtures("table")
def test_a_mount_that_a_killed_start_left_is_ended(
    act: Act, parameters: dict[str, str], programs: Programs
) -> None:
    """A mount(8) that still runs would make the filesystem appear after the stop.

    It is known by what the start has given it, also if it has another name and other arguments.
    """
    mount = programs("mount", "")
    number = mount.with_name("number")
    mount.write_text(
        f"#!{sys.executable} -IS\nimport os, time\n"
        f"open({str(number)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    start = os.fork()
    if not start:
        act(Filesystem, "start", **parameters)
        os._exit(1)
    eventually(lambda: number.exists() and bool(number.read_text()), 10, pause=0.01)
    os.kill(start, signal.SIGKILL)
    os.waitpid(start, 0)
    pid = int(number.read_text())
    outcome = act(Filesystem, "stop", **parameters)
    assert outcome.code == Code.SUCCESS
    assert f"({pid}): a start has left it" in outcome.reason
    assert "SIGKILL to " in outcome.reason
    eventually(lambda: not identify(pid), 5, pause=0.01)


@pytest.mark.usefixtures("table")
def test_what_only_looks_like_a_mount_that_a_start_left_lives(
    act: Act, folder: Path, parameters: dict[str, str], programs: Programs
) -> None:
    """Anybody can call a process mount and give it the mount point as an argument."""
    mount = programs("mount", "")
    mount.write_text(f"#!{sys.executable} -IS\nimport time\ntime.sleep(60)\n")
    running = subprocess.Popen([mount, "-t", "ext4", "--", "/dev/null", folder])
    process = Path(f"/proc/{running.pid}")
    eventually(lambda: (process / "comm").read_text() == "mount\n", 10, pause=0.01)
    assert act(Filesystem, "stop", **parameters).code == Code.SUCCESS
    assert running.poll() is None
    running.kill()
    running.wait()


@pytest.mark.parametrize("script", [None, "exit 7", "exec /bin/sleep 60"])
def test_a_device_that_cannot_be_asked_for_is_ours(
    *,
    act: Act,
    table: Table,
    folder: Path,
    parameters: dict[str, str],
    programs: Programs,
    script: str | None,
) -> None:
    """A missing, failing or hanging attach program makes nothing mounted "not running"."""
    table.write(line(folder, device="8:32", source="/dev/sdc"))
    program = programs("attach-lun", script) if script else folder
    del parameters["device"]
    iscsi = {"portal": "198.51.100.1", "target": "iqn.example:shop", "attach": str(program)}
    limit = {"OCF_RESKEY_CRM_meta_timeout": "2000"}
    outcome = act(Filesystem, "monitor", **parameters, **iscsi, environ=limit)
    assert outcome.code == Code.SUCCESS
    assert "is taken for the resource's own" in outcome.reason


def test_a_stop_that_cannot_unmount_fails_in_time(
    act: Act, table: Table, folder: Path, parameters: dict[str, str], programs: Programs
) -> None:
    """At the deadline the reason has the folder and umount's words; then the node is fenced."""
    programs("umount", "echo target is busy >&2; exit 32")
    table.write(f"987654321 1 1:999999 / {folder} rw - ext4 /dev/null rw")
    limit = {"OCF_RESKEY_CRM_meta_timeout": "800"}
    outcome = act(Filesystem, "stop", **parameters, environ=limit)
    assert outcome.code == Code.ERR_GENERIC
    reason = f"cannot unmount {folder}, held by no process that can be seen; target is busy (umount"
    assert reason in outcome.reason


def test_a_disk_that_stays_attached_does_not_fail_the_stop(
    act: Act, table: Table, parameters: dict[str, str], programs: Programs
) -> None:
    """Once nothing is mounted the data is safe: a failing detach is only logged."""
    assert table.path.exists()
    program = programs("attach-lun", "echo target busy >&2; exit 1")
    del parameters["device"]
    iscsi = {"portal": "198.51.100.1", "target": "iqn.example:shop", "attach": str(program)}
    outcome = act(Filesystem, "stop", **parameters, **iscsi)
    assert outcome.code == Code.SUCCESS
    assert "stays attached" in outcome.reason
    assert not outcome.reason.startswith("ocf-exit-reason:")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"directory": ""}, "the parameter directory is missing"),
        ({"directory": "/usr/"}, "directory=/usr/ is a folder of the system"),
        ({"directory": "srv"}, "directory=srv is a folder of the system, or not absolute"),
        ({"device": ""}, "either device or portal and target must be given, not both"),
        ({"target": "iqn.example:x"}, "portal and target belong together"),
        ({"lun": "one"}, "lun=one is not a whole number"),
        ({"attach": "attach-lun"}, "attach=attach-lun is not an absolute path"),
    ],
)
def test_wrong_parameters_are_explained(
    act: Act, parameters: dict[str, str], change: dict[str, str], reason: str
) -> None:
    """What is wrong on every node is exit 6, and says what would be right."""
    outcome = act(Filesystem, "validate-all", **{**parameters, **change})
    assert outcome.code == Code.ERR_CONFIGURED
    assert reason in outcome.reason


def test_the_disk_is_reserved_as_long_as_it_is_mounted(
    act: Act, table: Table, folder: Path, parameters: dict[str, str], programs: Programs
) -> None:
    """Reserved before the mount, checked by monitors from level 10 on, released after umount."""
    log, unit = table.path.with_name("log"), table.path.with_name("unit")
    unit.write_bytes(marshal.dumps(UNRESERVED))
    simulator = sg_persist.__file__
    programs(
        "sg_persist", f'echo $3 $5 >> {log}; exec {sys.executable} -IS {simulator} {unit} "$@"'
    )
    programs("mount", f'echo mount >> {log}; echo "{line(folder)}" >> {table.path}')
    programs("umount", f"echo umount >> {log}; echo '{ROOT}' > {table.path}")
    reserved = {**parameters, "reservation": "true", "reservation_key": "abc", "watch": "false"}
    node = {"OCF_RESKEY_CRM_meta_on_node": "node-a"}
    assert act(Filesystem, "start", **reserved, environ=node).code == Code.SUCCESS
    _, key, kind = marshal.loads(unit.read_bytes())["held"]
    assert (key.rjust(16, "0"), kind) == (reservation.key("abc", "node-a"), 5)
    done = log.read_text().splitlines()
    assert done[0].startswith("--register-ignore")
    assert (done.index("mount"), len(done)) == (len(done) - 1, len(done))
    log.write_text("")
    for level, asked in (("0", False), ("10", True)):
        environ = {**RECURRING, **node, "OCF_CHECK_LEVEL": level}
        outcome = act(Filesystem, "monitor", **reserved, options="ro", environ=environ)
        assert bool(log.read_text()) is asked
    assert "/dev/null" in outcome.reason  # which is no disk that could be read
    unit.write_bytes(marshal.dumps({**marshal.loads(unit.read_bytes()), "held": ["b", "def", 5]}))
    outcome = act(Filesystem, "monitor", **reserved, environ=environ)
    assert outcome.code == Code.ERR_GENERIC
    assert outcome.kept.startswith("the reservation of /dev/sdx is held by 0x0000000000000def")
    log.write_text("")
    assert act(Filesystem, "stop", **reserved, environ=node).code == Code.SUCCESS
    assert log.read_text().splitlines()[0] == "umount"
    assert marshal.loads(unit.read_bytes())["keys"] == {}


def test_a_disk_that_cannot_be_reserved_is_not_mounted(
    act: Act, table: Table, parameters: dict[str, str], programs: Programs
) -> None:
    """A start without the reservation fails; a stop that cannot release it only logs that."""
    assert table.path.exists()
    programs("mount", "exit 99")
    programs("sg_persist", "echo 'PR out: command not supported' >&2; exit 9")
    outcome = act(Filesystem, "start", **parameters, reservation="true")
    assert outcome.code == Code.ERR_GENERIC
    assert outcome.kept.startswith("PR out: command not supported (sg_persist --register-ignore")
    outcome = act(Filesystem, "stop", **parameters, reservation="true")
    assert outcome.code == Code.SUCCESS
    assert "stays reserved" in outcome.reason


def test_a_clone_of_a_local_filesystem_is_refused(act: Act, parameters: dict[str, str]) -> None:
    """Ext4 on two nodes at once destroys the data; a cluster filesystem may be cloned."""
    clone = {"OCF_RESKEY_CRM_meta_clone": "0"}
    outcome = act(Filesystem, "validate-all", **parameters, environ=clone)
    assert outcome.code == Code.ERR_CONFIGURED
    assert "ext4 must not be cloned" in outcome.reason
    shared = {**parameters, "fstype": "gfs2"}
    assert act(Filesystem, "validate-all", **shared, environ=clone).code == Code.SUCCESS


def test_stop_never_unmounts_a_folder_of_the_system(
    act: Act, table: Table, parameters: dict[str, str], programs: Programs
) -> None:
    """Whatever the parameters say, / stays."""
    programs("umount", "exit 99")
    assert table.path.exists()
    for folder in ("/", "/usr/..", ""):
        wrong = {**parameters, "directory": folder, "device": "/dev/root"}
        outcome = act(Filesystem, "stop", **wrong)
        assert (outcome.code, outcome.reason) == (Code.SUCCESS, "")


def test_holders_are_found_by_what_they_have_open(tmp_path: Path) -> None:
    """A process with an open file in the mount is a holder; this agent itself never is."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fdinfo = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    [mount] = [line.split()[1] for line in fdinfo if line.startswith("mnt_id:")]
    child = subprocess.Popen(["/bin/sleep", "60"], stdin=descriptor, cwd="/proc")
    try:
        found = {holder.pid for holder in holders({mount}, "")}
    finally:
        os.close(descriptor)
        child.kill()
        child.wait()
    assert child.pid in found
    assert os.getpid() not in found


def test_files_of_other_filesystems_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stat of an open file hangs if its server is dead, which is not this filesystem's matter."""
    asked = []

    def stat(path: str) -> None:
        asked.append(str(Path(path).readlink()))
        raise OSError

    with Path(__file__).open(encoding="utf-8") as file:
        # In a mount that no table knows, as what was unmounted lazily is.
        nowhere = os.memfd_create("nowhere")
        child = subprocess.Popen(["/bin/sleep", "60"], stdin=file, stdout=nowhere)
        os.close(nowhere)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        holders(set(), "1:999999")
    child.kill()
    child.wait()
    assert any(path.startswith("/memfd:nowhere") for path in asked)
    assert __file__ not in asked


def test_the_clusters_own_processes_are_never_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the cluster's programs, nor process 1, nor what runs this agent; any other is."""
    assert Holder(1, "init").untouchable
    assert Holder(os.getppid(), "bash").untouchable
    monkeypatch.setattr(spared, "PROC", str(tmp_path))
    monkeypatch.setattr(spared, "_is_of_this_namespace", lambda _: True)
    process = tmp_path / "2000000000"
    process.mkdir()
    (process / "cgroup").write_text("0::/system.slice/pacemaker.service\n")
    spare, end = "0 0 0 0", "1000 1000 1000 1000"
    for ids, program, untouchable in (
        (spare, "/usr/sbin/corosync", True),
        (spare, "/usr/sbin/corosync (deleted)", True),
        (spare, "/usr/sbin/sbd", True),
        (spare, "/usr/lib/pacemaker/pacemaker-based", True),
        (spare, "/usr/lib/systemd/systemd-journald", True),
        (spare, "/usr/bin/initdb", False),
        (spare, "/home/fred/corosync", False),
        (spare, "/srv/shop/usr/sbin/corosync", False),
        (end, "/usr/sbin/corosync", False),
        (end, "/usr/lib/systemd/systemd", False),
        ("1000 0 0 0", "/usr/sbin/corosync", False),
    ):
        (process / "status").write_text(f"Name:\tcorosync\nUid:\t{ids}\n")
        (process / "exe").unlink(missing_ok=True)
        (process / "exe").symlink_to(program)
        assert Holder(2_000_000_000, "corosync").untouchable is untouchable, (ids, program)


def test_a_program_of_the_clusters_in_a_container_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There any file can be /usr/sbin/corosync: its mount is not of this namespace."""
    monkeypatch.setattr(spared, "PROC", str(tmp_path))
    monkeypatch.setattr(spared, "_is_of_this_namespace", lambda _: False)
    process = tmp_path / "2000000000"
    process.mkdir()
    (process / "status").write_text("Uid:\t0 0 0 0\n")
    (process / "exe").symlink_to("/usr/sbin/corosync")
    assert not Holder(2_000_000_000, "corosync").untouchable


@pytest.mark.parametrize("fstype", ["squashfs", "erofs", "iso9660"])
def test_what_nobody_can_write_need_not_be_asked_for_read_only(
    act: Act, table: Table, folder: Path, parameters: dict[str, str], fstype: str
) -> None:
    """Without the option ro it is read-only as well, and nothing is wrong with that."""
    table.write(f"30 1 1:3 / {folder} ro,noatime - {fstype} /dev/null ro")
    del parameters["fstype"]
    assert act(Filesystem, "start", **parameters).code == Code.SUCCESS
    assert act(Filesystem, "monitor", **parameters, environ=RECURRING).code == Code.SUCCESS


def test_another_share_of_a_server_is_not_ours(
    act: Act, table: Table, folder: Path, parameters: dict[str, str]
) -> None:
    """A name on the network is all there is, though it begins like a path."""
    shares = {**parameters, "device": "//server/one", "fstype": "cifs"}
    table.write(f"30 1 0:50 / {folder} rw - cifs //server/other rw")
    assert act(Filesystem, "monitor", **shares).code == Code.NOT_RUNNING
    table.write(f"30 1 0:50 / {folder} rw - cifs //server/one/ rw")
    assert act(Filesystem, "monitor", **shares).code == Code.SUCCESS


# What the table of mounts has when a watch has something to tell; as ever where it is the disk.
FAULTS = {
    "unmounted": "",
    "another": "30 1 8:32 / {0} rw - ext4 /dev/zero rw",
    "read-only": "30 1 1:3 / {0} rw - ext4 /dev/null ro",
    "emergency": "30 1 1:3 / {0} rw - ext4 /dev/null emergency_ro",
    "shut down": "30 1 1:3 / {0} rw - ext4 /dev/null shutdown",
}


@pytest.mark.parametrize(
    "kind",
    [*FAULTS, *mountinfo.DEAD, "vanished", "fine"],
)
def test_the_monitor_finds_whatever_the_watcher_finds(
    *,
    act: Act,
    table: Table,
    folder: Path,
    parameters: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """Every watch of a filesystem, and every fault that it tells: a plain monitor fails, too."""
    monkeypatch.setattr(watches, "TABLE", str(table.path))
    table.write(line(folder))
    agent = Filesystem({f"OCF_RESKEY_{name}": value for name, value in parameters.items()})
    registered = agent.watches()
    assert {text.split(" ")[0] for text in registered} == {"mount", "device"}
    fault = FAULTS.get(kind, line(folder)).format(folder)
    table.write(*([fault] if fault else []))
    if kind == "vanished":
        (tmp_path / "sys/dev/block/1:3").unlink()
    elif kind in mountinfo.DEAD:
        (tmp_path / "sys/devices/sdx/device").mkdir()
        (tmp_path / "sys/devices/sdx/device/state").write_text(f"{kind}\n")
    told = [watches.parse(text).problem() for text in registered]
    outcome = act(Filesystem, "monitor", **parameters, environ=RECURRING)
    assert any(told) is (kind != "fine")
    assert (outcome.code != Code.SUCCESS) is any(told)
