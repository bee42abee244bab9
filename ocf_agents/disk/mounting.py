"""Mount a filesystem, after checking it where that is asked for."""

from __future__ import annotations

import os

from ocf_agents.disk.multimount import refusal
from ocf_agents.disk.parameters import is_bind
from ocf_agents.disk.place import point
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.command import find, run
from ocf_agents.runtime.journal import WARNING, log

# Filesystems that need no fsck(8): they replay a journal when they are mounted, or check
# themselves, or have no disk. Those of ocf:heartbeat:Filesystem, and btrfs: see fsck.btrfs(8).
NO_CHECK = {
    *("ext3", "ext4", "ext4dev", "reiserfs", "reiser4", "nss", "xfs", "jfs", "btrfs", "f2fs"),
    *("vfat", "fat", "nfs", "nfs4", "aznfs", "efs", "cifs", "smbfs", "smb3", "ocfs2", "gfs2"),
    *("none", "lustre", "glusterfs", "ceph", "tmpfs", "overlay", "overlayfs", "rozofs", "zfs"),
    *("cvfs", "squashfs", "erofs", "iso9660", "bcachefs"),
}
SCANNING = 0.25  # part of the time for btrfs to look for its disks
CORRECTED = 1 | 2  # fsck(8), e2fsck(8): errors corrected; "and reboot", if it was mounted meanwhile
# Not meant for the filesystem. With _netdev systemd would unmount it at the beginning of a
# shutdown, before Pacemaker has stopped the application that writes there (systemd.mount(5)).
NOT_PASSED_ON = ("_netdev",)
# What the table of mounts must show after a remount; other options are the filesystem's to refuse.
VISIBLE = {
    *("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "sync", "dirsync"),
    *("nosymfollow", "lazytime"),
}


def options_for_mount(options: str) -> list[str]:
    """Return the options of mount(8) for the parameter `options`."""
    kept = ",".join(option for option in options.split(",") if option not in NOT_PASSED_ON)
    return ["-o", kept] if kept else []


def needs_check(how: str, fstype: str) -> bool:
    """Tell whether to run fsck(8).

    Args:
        how: The parameter `run_fsck`.
        fstype: The type of the filesystem, "" if it is not known.
    """
    if how != "auto" or fstype in NO_CHECK:
        return how == "force"
    try:
        find(f"fsck.{fstype}" if fstype else "fsck")
    except AgentError:
        return False  # a filesystem that nobody can check
    return True


def check(device: str, fstype: str, deadline: Deadline) -> None:
    """Run fsck(8) and have it correct what is safe to correct.

    Raises:
        AgentError: Errors are left (exit code 4 and above).
    """
    command = ["fsck", "-T", *(["-t", fstype] if fstype else []), "-p", device]
    result = run(command, deadline)
    if result.code < 0 or result.code & ~CORRECTED:
        reason = refusal(device, deadline)
        raise AgentError(reason, details=str(result.error())) if reason else result.error()
    if result.code:
        log(f"fsck has corrected errors on {device}: {result.output}", WARNING)


def mount(device: str, folder: str, fstype: str, options: str, deadline: Deadline) -> None:
    """Mount a device, and make the mount point if it is not there.

    Raises:
        AgentError: It cannot be mounted. The reason has the words of mount(8), or the node that has
            the filesystem in use.
    """
    bound_file = is_bind(options) and os.path.isfile(device)
    with point.make(folder, deadline, file=bound_file) as place:
        place.share()
        command = ["mount", *(["-t", fstype] if fstype else []), *options_for_mount(options)]
        if place.trusted:
            command += ["--", device, folder]
        else:  # mount(8) must not look for the way once more
            command += ["--no-canonicalize", "--", _plain(device), place.target]
        result = run(command, deadline)
        if result.code and _scan(fstype, deadline):
            result = run(command, deadline)
    if result.code:
        error = result.error("the kernel's log may say more")
        reason = refusal(device, deadline) if device.startswith("/dev/") else ""
        raise AgentError(reason, details=str(error)) if reason else error


def _plain(device: str) -> str:
    """Return a device's path without links, as mount(8) would have it."""
    if not device.startswith("/") or not os.path.exists(device):
        return device
    path = os.path.realpath(device)
    try:
        with open(f"/sys/block/{os.path.basename(path)}/dm/name", encoding="utf-8") as file:
            return f"/dev/mapper/{file.read().strip()}"
    except OSError:
        return path


def _scan(fstype: str, deadline: Deadline) -> bool:
    """Tell the kernel which disks a btrfs is on, as udev does elsewhere; tell whether it worked."""
    if fstype not in ("", "btrfs"):
        return False
    try:
        return run(["btrfs", "device", "scan"], deadline.part(SCANNING)).code == 0
    except AgentError:
        return False  # it is not installed, or waits for a disk that is dead


def remount(device: str, folder: str, options: str, deadline: Deadline) -> None:
    """Change the options of a mounted filesystem.

    Raises:
        AgentError: That is not possible.
    """
    # If no option is about atime, the kernel keeps what it has (mount_setattr(2)).
    atime = [] if "atime" in options else ["relatime"]
    # Device and folder: then mount(8) takes nothing from fstab, and drops the options before.
    given = ",".join(["remount", *atime, *options_for_mount(options)[1:]])
    result = run(["mount", "-o", given, "--", device, folder], deadline)
    if result.code:
        raise result.error("a restart of the resource may do it")


def not_taken_over(options: str, shown: set[str]) -> set[str]:
    """Return which of the options a mount does not have, as far as the kernel shows them."""
    asked = set(options.split(","))
    seen = {o for o in asked if o in VISIBLE or o.startswith(("subvol=", "subvolid="))}
    return seen - shown
