"""Situations of a filesystem, for ocf:takeover:filesystem and ocf:heartbeat:Filesystem."""

from __future__ import annotations

from pathlib import Path

from tests.rig.on_host.against_stock.site import (
    Grade,
    Site,
    of_a_monitor,
    of_a_refusal,
    of_a_start,
    of_a_stop,
    of_an_alarm,
)
from tests.rig.on_host.conftest import RECURRING
from tests.rig.on_host.disks import FileServer, image, loop
from tests.security.enclosed import USER
from vagrant.common.waiting import eventually

POINT = "/srv/shop"
BTRFS, XFS = ("mkfs.btrfs", "-q"), ("mkfs.xfs", "-q")
CLONE = {"OCF_RESKEY_CRM_meta_clone": "0", "OCF_RESKEY_CRM_meta_clone_max": "2"}
DEEP = {**RECURRING, "OCF_CHECK_LEVEL": "10"}
DEEPEST = {**RECURRING, "OCF_CHECK_LEVEL": "20"}


def ext4(site: Site) -> dict[str, str]:
    """Return the parameters of a disk with ext4."""
    return {"device": site.disk(), "directory": POINT, "fstype": "ext4"}


def mounted(site: Site) -> dict[str, str]:
    """Return the parameters of an ext4 that was started."""
    given = ext4(site)
    begin(site, given)
    site.node.run("chmod", "1777", POINT)
    return given


def begin(site: Site, given: dict[str, str]) -> None:
    """Start the resource, where that has to succeed."""
    assert site.act("filesystem", "start", **given) == 0
    assert is_mounted(site, given["directory"])


def is_mounted(site: Site, point: str = POINT) -> bool:
    """Tell whether something is mounted on a folder."""
    return site.node.run("mountpoint", "-q", point, check=False).returncode == 0


def in_use(given: dict[str, str]) -> bool:
    """Tell whether the kernel has an ext4 or XFS in use, wherever."""
    name = Path(given["device"]).name
    return any(Path(f"/sys/fs/{kind}/{name}").exists() for kind in ("ext4", "xfs"))


def another_disk_on_the_folder(site: Site) -> Grade:
    """A probe of what is not mounted, and a stop that is none of what is."""
    given = ext4(site)
    site.node.run("mkdir", POINT)
    site.node.run("mount", "-t", "tmpfs", "others", POINT)
    probe = of_a_monitor(site.act("filesystem", "monitor", **given), runs=False)
    code = site.act("filesystem", "stop", **given)
    return min(probe, of_a_stop(code, left=False, harm=not is_mounted(site)))


def a_filesystem_that_became_read_only(site: Site) -> Grade:
    """After an error of the disk nothing can be written any more."""
    given = {**ext4(site), "options": "errors=remount-ro"}
    begin(site, given)
    Path("/sys/fs/ext4", Path(given["device"]).name, "trigger_fs_error").write_text("test")
    return of_an_alarm(site.act("filesystem", "monitor", RECURRING, **given))


def an_xfs_that_has_shut_itself_down(site: Site) -> Grade:
    """Every access fails, and the table of mounts shows nothing of it."""
    given = {"device": site.disk(*XFS, size=320), "directory": POINT, "fstype": "xfs"}
    begin(site, given)
    site.node.run("xfs_io", "-x", "-c", "shutdown", POINT)
    return of_an_alarm(site.act("filesystem", "monitor", RECURRING, **given))


def a_tool_that_is_missing_at_the_stop(site: Site) -> Grade:
    """Nothing is mounted; the node would be fenced for it."""
    code = site.act("filesystem", "stop", {"FSCK": "/nowhere/fsck"}, **ext4(site))
    return of_a_stop(code, left=False)


def a_stop_without_its_parameters(site: Site) -> Grade:
    """Somebody has removed them from the configuration meanwhile: what was started is stopped."""
    given = mounted(site)
    code = site.act("filesystem", "stop", directory=given["directory"])
    return of_a_stop(code, left=in_use(given))


def a_monitor_level_that_is_not_listed(site: Site) -> Grade:
    """It is mounted and works."""
    given = mounted(site)
    level = {**RECURRING, "OCF_CHECK_LEVEL": "15"}
    return of_a_monitor(site.act("filesystem", "monitor", level, **given), runs=True)


def odd_names_of_the_folder(site: Site) -> Grade:
    """The kernel writes blanks and some others as numbers."""
    found = []
    for name in ("my data", "100%d", "a[1]+", "back\\slash"):
        given = {**ext4(site), "directory": f"/srv/{name}"}
        code = site.act("filesystem", "start", **given)
        found.append(of_a_start(code, works=in_use(given)))
        if in_use(given):
            found.append(of_a_monitor(site.act("filesystem", "monitor", **given), runs=True))
        found.append(of_a_stop(site.act("filesystem", "stop", **given), left=in_use(given)))
    return min(found)


def a_lazy_unmount_while_somebody_writes(site: Site) -> Grade:
    """The disk is in use, though nothing shows it: another node must not mount it."""
    given = mounted(site)
    site.shell(f"exec 9> {POINT}/file; echo ready; exec sleep 600")
    site.node.run("umount", "--lazy", POINT)
    probe = of_a_monitor(site.act("filesystem", "monitor", **given), runs=True)
    return min(probe, of_a_stop(site.act("filesystem", "stop", **given), left=in_use(given)))


def a_container_that_has_it_mounted(site: Site) -> Grade:
    """In a mount namespace of its own it goes on to write to the disk."""
    given = mounted(site)
    site.shell("exec unshare --mount --propagation=private sh -c 'echo ready; exec sleep 600'")
    return of_a_stop(site.act("filesystem", "stop", **given), left=in_use(given))


def a_clone_of_what_one_node_may_mount(site: Site) -> Grade:
    """Ext2 on all nodes at once is lost; errors=remount-ro does not make it read-only."""
    given = {"device": site.disk("mkfs.ext2", "-q"), "directory": POINT, "fstype": "ext2"}
    given |= {"options": "errors=remount-ro", "run_fsck": "no"}
    code = site.act("filesystem", "start", CLONE, **given)
    return of_a_refusal(code, harm=is_mounted(site), everywhere=True)


def a_mount_below_the_folder(site: Site) -> Grade:
    """Which is true of this node alone; whether it succeeds or fails here is the agent's choice."""
    given = ext4(site)
    site.node.run("mkdir", "-p", f"{POINT}/below")
    site.node.run("mount", "-t", "tmpfs", "below", f"{POINT}/below")
    return of_a_start(site.act("filesystem", "start", **given), works=in_use(given))


def a_bind_mount_and_the_processes_of_its_disk(site: Site) -> Grade:
    """Only who works in the folder that is bound has to end."""
    mounted(site)
    site.node.run("mkdir", f"{POINT}/folder", f"{POINT}/other")
    bind = {"device": f"{POINT}/folder", "directory": "/srv/bound", "options": "bind"}
    bind |= {"fstype": "none"}
    if site.ours:
        site.node.forget()
    begin(site, bind)
    site.shell("cd /srv/bound; echo ready; exec sleep 600")
    other = site.shell(f"cd {POINT}/other; echo ready; exec sleep 600")
    code = site.act("filesystem", "stop", **bind)
    return of_a_stop(code, left=is_mounted(site, "/srv/bound"), harm=other.poll() is not None)


def a_folder_that_was_replaced_while_it_was_bound(site: Site) -> Grade:
    """As deployments do: what is mounted is the old one."""
    site.node.run("mkdir", "/srv/source")
    bind = {"device": "/srv/source", "directory": POINT, "options": "bind", "fstype": "none"}
    begin(site, bind)
    site.node.run("mv", "/srv/source", "/srv/old")
    site.node.run("mkdir", "/srv/source")
    monitor = of_a_monitor(site.act("filesystem", "monitor", RECURRING, **bind), runs=True)
    stop = of_a_stop(site.act("filesystem", "stop", **bind), left=is_mounted(site))
    return min(monitor, stop)


def processes_that_respawn(site: Site) -> Grade:
    """The next one is there before the last has gone."""
    given = mounted(site)
    script = f"while :; do (trap '' TERM; cd {POINT} && exec sleep 600); done"
    site.shell(f"({script}) & echo ready; wait")
    return of_a_stop(site.act("filesystem", "stop", **given), left=in_use(given))


def a_process_that_ignores_sigterm(site: Site) -> Grade:
    """It is killed in time."""
    given = mounted(site)
    site.shell(f"trap '' TERM; cd {POINT}; echo ready; while :; do sleep 0.1; done")
    return of_a_stop(site.act("filesystem", "stop", **given), left=in_use(given))


def a_socket_that_is_bound_there(site: Site) -> Grade:
    """The only hold of a process."""
    given = mounted(site)
    bound = f"s = socket.socket(socket.AF_UNIX); s.bind({POINT + '/socket'!r})"
    site.python(f"import socket, time; {bound}; print('ready', flush=True); time.sleep(600)")
    return of_a_stop(site.act("filesystem", "stop", **given), left=in_use(given))


def a_mapped_file_that_was_removed(site: Site) -> Grade:
    """No descriptor of it is open any more."""
    given = mounted(site)
    site.python(
        f"import mmap, os, time; f = open({POINT + '/f'!r}, 'wb+'); f.truncate(4096)\n"
        "kept = mmap.mmap(f.fileno(), 4096); f.close(); os.unlink(f.name)\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    return of_a_stop(site.act("filesystem", "stop", **given), left=in_use(given))


def a_frozen_filesystem(site: Site) -> Grade:
    """For a backup that has ended badly: once unmounted, nobody could thaw it."""
    given = mounted(site)
    site.node.run("fsfreeze", "--freeze", POINT)
    code = site.act("filesystem", "stop", **given)
    left = in_use(given)
    if left:  # only while it can be seen, or the machine would keep it for ever
        site.node.run("mkdir", "-p", "/srv/thaw")
        site.node.run("mount", given["device"], "/srv/thaw", check=False)
        site.node.run("fsfreeze", "--unfreeze", "/srv/thaw", check=False)
        site.node.run("umount", "/srv/thaw", check=False)
    return of_a_stop(code, left=left)


def a_daemon_of_the_clusters_works_there(site: Site) -> Grade:
    """To end it would cost the node."""
    given = mounted(site)
    (site.folder / "systemd").mkdir()
    (site.folder / "systemd/pcsd").write_bytes(Path("/bin/bash").read_bytes())
    (site.folder / "systemd/pcsd").chmod(0o755)
    site.node.run("mount", "--bind", str(site.folder / "systemd"), "/usr/lib/systemd")
    script = f"cd {POINT}; echo ready; read forever"
    pcsd = site.background("/usr/lib/systemd/pcsd", "-c", script)
    assert pcsd.stdout is not None
    assert pcsd.stdout.readline() == b"ready\n"
    code = site.act("filesystem", "stop", **given)
    return of_a_stop(code, left=in_use(given), harm=pcsd.poll() is not None)


def a_disk_that_does_not_answer(site: Site) -> Grade:
    """The monitor that reads it says so in its time."""
    server = FileServer(site.node, site.folder / "nas", "fuse", "nas", image(site.folder / "x.img"))
    with loop(server.point / "disk", site.node.run) as device:
        given = {"device": device, "directory": POINT, "fstype": "ext4"}
        try:
            begin(site, given)
            server.hang()
            return of_an_alarm(site.act("filesystem", "monitor", DEEP, **given))
        finally:
            server.end()
            assert eventually(
                lambda: site.node.run("umount", POINT, check=False).returncode == 0, 10
            )


def a_file_server_that_does_not_answer(site: Site) -> Grade:
    """A stop takes its mount away."""
    disk = image(site.folder / "x.img")
    server = FileServer(site.node, site.folder / "nas", "fuse.sshfs", "nas:/export", disk)
    given = {"device": "nas:/export", "directory": str(server.point), "fstype": "fuse.sshfs"}
    try:
        server.hang()
        code = site.act("filesystem", "stop", **given)
        mounts = site.node.run("cat", "/proc/mounts").stdout
        return of_a_stop(code, left="nas:/export" in mounts)
    finally:
        server.end()


def a_btrfs_of_two_disks(site: Site) -> Grade:
    """The kernel shows one of them, whichever was given."""
    disks = [site.disk("truncate", "--size=128M", size=128) for _ in range(2)]
    site.node.run(*BTRFS, "-f", "-d", "raid1", "-m", "raid1", *disks)
    site.node.run("btrfs", "device", "scan", *disks)
    given = {"device": disks[1], "directory": POINT, "fstype": "btrfs"}
    start = of_a_start(site.act("filesystem", "start", **given), works=is_mounted(site))
    monitor = of_a_monitor(site.act("filesystem", "monitor", RECURRING, **given), runs=True)
    stop = of_a_stop(site.act("filesystem", "stop", **given), left=is_mounted(site))
    return min(start, monitor, stop)


def two_subvolumes_of_one_disk(site: Site) -> Grade:
    """Each is a resource, and a stop takes its own."""
    device = site.disk(*BTRFS, size=128)
    site.node.run("mkdir", "/srv/whole")
    site.node.run("mount", device, "/srv/whole")
    for name in "ab":
        site.node.run("btrfs", "subvolume", "create", f"/srv/whole/{name}")
    site.node.run("umount", "/srv/whole")
    one, other = (
        {"device": device, "directory": f"/srv/{name}", "options": f"subvol={name}"}
        for name in "ab"
    )
    names = [{"OCF_RESOURCE_INSTANCE": f"subvolume-{name}"} for name in "ab"]
    assert site.act("filesystem", "start", names[0], **one, fstype="btrfs") == 0
    assert site.act("filesystem", "start", names[1], **other, fstype="btrfs") == 0
    holder = site.shell("cd /srv/b; echo ready; exec sleep 600")
    code = site.act("filesystem", "stop", names[0], **one, fstype="btrfs")
    harm = not is_mounted(site, "/srv/b") or holder.poll() is not None
    return of_a_stop(code, left=is_mounted(site, "/srv/a"), harm=harm)


def a_share_of_a_server_that_is_not_there(site: Site) -> Grade:
    """Its name begins with a slash, and is no path: nothing is waited for."""
    given = {"device": "//server/share", "directory": POINT, "fstype": "cifs"}
    return of_a_refusal(site.act("filesystem", "start", **given), harm=is_mounted(site))


def a_link_of_the_users_on_the_way(site: Site) -> Grade:
    """The folder above is the application's user's, who would like to have it over /etc/pam.d."""
    site.node.run("install", "-d", "-o", str(USER), "/srv/home")
    given = {**ext4(site), "directory": "/srv/home/main"}
    link = "import os; os.symlink('/etc/pam.d', '/srv/home/main'); print('ready', flush=True)"
    site.python(f"{link}; import time; time.sleep(600)")
    code = site.act("filesystem", "start", **given)
    return of_a_refusal(code, harm=is_mounted(site, "/etc/pam.d"))


def a_full_filesystem(site: Site) -> Grade:
    """It would be as full on every other node: nothing is won by a failover."""
    given = mounted(site)
    site.node.run("sh", "-c", f"cat /dev/zero > {POINT}/big", check=False)
    return of_a_monitor(site.act("filesystem", "monitor", DEEPEST, **given), runs=True)


def errors_that_fsck_cannot_correct(site: Site) -> Grade:
    """It must not be mounted."""
    device = site.disk("mkfs.ext2", "-q")
    for request in ("clri <2>", "ssv state 0"):  # the root folder
        site.node.run("debugfs", "-w", "-R", request, device)
    given = {"device": device, "directory": POINT, "fstype": "ext2"}
    return of_a_refusal(site.act("filesystem", "start", **given), harm=is_mounted(site))


def what_was_there_before_and_what_is_mounted_within(site: Site) -> Grade:
    """Mounts below, and bind mounts of the same disk elsewhere, go with it."""
    given = mounted(site)
    site.node.run("mkdir", f"{POINT}/below", "/srv/bound")
    site.node.run("mount", "-t", "tmpfs", "below", f"{POINT}/below")
    site.node.run("mount", "--bind", POINT, "/srv/bound")
    return of_a_stop(site.act("filesystem", "stop", **given), left=in_use(given))
