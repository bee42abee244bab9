"""The parameters of ocf:takeover:filesystem, and what is wrong with them."""

from __future__ import annotations

from ocf_agents.runtime.parameters import FALSE, TRUE, Boolean, Choice, Integer, Text
from ocf_agents.runtime.watched import Watched

# What several nodes may have mounted at the same time: network and cluster filesystems, and those
# that nobody can write. Anything else is destroyed by it.
NETWORK = (
    *("nfs", "nfs4", "aznfs", "efs", "smbfs", "smb3", "cifs", "ceph", "glusterfs", "lustre", "9p"),
    *("afs", "fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.sshfs", "fuse.s3fs"),
)
CLUSTERED = ("gfs2", "ocfs2", "cvfs", "none", "overlay", "overlayfs", "tmpfs", "squashfs", "erofs")
# Without a block device, though their source may look like a path.
DISKLESS = (
    *NETWORK,
    *("none", "overlay", "overlayfs", "tmpfs", "ramfs", "hugetlbfs", "virtiofs", "vboxsf", "davfs"),
    *("cvfs", "rozofs", "beegfs", "orangefs", "pvfs2", "zfs", "coda", "ncpfs", "autofs", "bpf"),
)

# Nothing may be mounted on the system's own folders. They are below these (system_folders.py),
SYSTEM_TOPS = (
    *("bin", "boot", "dev", "efi", "etc", "lib", "lib32", "lib64", "libx32", "proc", "root"),
    *("run", "sbin", "sys", "usr", "var"),
)
# or, right below /, these themselves.
TOPS = ("", "tmp", "lost+found")


class FilesystemParameters(Watched):
    """The parameters of a filesystem; their names are those of ocf:heartbeat:Filesystem."""

    device = Text(
        "Block device",
        "The device: a path (/dev/disk/by-id/...), UUID=..., LABEL=... or PARTUUID=...; the name "
        "of a network filesystem (server:/path); a folder, with options=bind. "
        "Not together with portal, target and lun.",
    )
    directory = Text(
        "Mount point",
        "The folder to mount on, made if it does not exist. Not a folder of the system.",
        required=True,
    )
    fstype = Text("Filesystem type", "For example ext4 or xfs; found by mount if absent.")
    options = Text(
        "Mount options",
        "As mount -o takes them, for example noatime; bind for a folder.",
        reloadable=True,
    )
    run_fsck = Choice(
        "Check before mounting",
        "auto: where the filesystem needs it (ext2, not ext4, xfs or btrfs); force: always; no: "
        "never. Errors that cannot be corrected safely fail the start.",
        options=("auto", "force", "no"),
        default="auto",
        reloadable=True,
    )
    fast_stop = Boolean(
        "Fast stop",
        "Fail a stop after 6 seconds instead of using all of its time, so that the node is fenced.",
        default=False,
        reloadable=True,
    )
    force_unmount = Text(
        "End what keeps it busy",
        "true or safe: processes that use the filesystem get SIGTERM, and after half of the time "
        "SIGKILL; false: they are left alone.",
        default="true",
        reloadable=True,
    )
    force_clones = Boolean(
        "Allow any filesystem in a clone",
        "For disks that each node has for itself. A shared disk is destroyed by it.",
        default=False,
    )
    statusfile_prefix = Text(
        "Status file prefix",
        "Where the status file of monitors with OCF_CHECK_LEVEL=20 is in the filesystem.",
        default=".Filesystem_status/",
        reloadable=True,
    )
    mmp = Choice(
        "Multi-mount protection of ext4",
        "What a start does if the filesystem lacks it: ignore, warn in the log, or fail (require). "
        "What it has is always honoured.",
        options=("ignore", "warn", "require"),
        default="ignore",
        reloadable=True,
    )
    reservation = Boolean(
        "SCSI-3 persistent reservation",
        "Reserve the disk, so that no other node can write to it (needs sg3-utils).",
        default=False,
    )
    reservation_key = Text(
        "Reservation key",
        "The first half of the key, up to 8 hexadecimal digits; the second half is made of the "
        "node's name.",
        default="54414b45",
    )
    portal = Text(
        "iSCSI portal",
        "Address of the iSCSI target, with its port if that is not 3260: 198.51.100.1:3260.",
    )
    target = Text("iSCSI target", "Name of the target, for example iqn.2001-04.com.example:shop.")
    lun = Integer("iSCSI LUN", "Number of the logical unit.", default="0")
    chap_user = Text("CHAP user", "User with which to log in to the target.")
    chap_secret_file = Text(
        "File with the CHAP secret",
        "Absolute path of a file that only root can read, with the secret in one line.",
    )
    attach = Text(
        "Program that attaches the LUN",
        "Absolute path of a program to call instead of the kernel's iSCSI initiator (iscsiadm). "
        "It is called with attach, device or detach, then portal, target and lun.",
    )

    @property
    def folder(self) -> str:
        """The mount point without double and trailing slashes; "" if it may not be one."""
        return mount_point(self.directory)

    @property
    def bind(self) -> bool:
        """Whether a folder is mounted a second time."""
        return is_bind(self.options)

    @property
    def loop(self) -> bool:
        """Whether the device is an image in a file."""
        return any(o.partition("=")[0] == "loop" for o in self.options.split(","))

    @property
    def may_write(self) -> bool:
        """Whether it is to be mounted read-write."""
        return "ro" not in self.options.split(",")

    def problems(self) -> list[str]:
        """Return what is wrong with the parameters together."""
        found = []
        if not self.folder:
            found.append(f"directory={self.directory} is a folder of the system, or not absolute")
        if bool(self.portal) != bool(self.target):
            found.append("portal and target belong together: give both or none")
        if bool(self.device) == bool(self.target):
            found.append("either device or portal and target must be given, not both")
        if self.attach and not self.attach.startswith("/"):
            found.append(f"attach={self.attach} is not an absolute path")
        if bool(self.chap_user) != bool(self.chap_secret_file):
            found.append("chap_user and chap_secret_file belong together: give both or none")
        if self.chap_user and (self.attach or not self.target):
            found.append("chap_user is for a target that iscsiadm logs in to")
        if self.force_unmount.lower() not in (*TRUE, *FALSE, "safe"):
            found.append(f"force_unmount={self.force_unmount} is not one of true, safe, false")
        if not _is_half_a_key(self.reservation_key):
            found.append(f"reservation_key={self.reservation_key} is not 1 to 8 hexadecimal digits")
        if self.reservation and (self.bind or self.loop or self.fstype in NETWORK):
            found.append("reservation=true needs a SCSI disk")
        return found + self._problems_of_a_clone()

    def _problems_of_a_clone(self) -> list[str]:
        if "OCF_RESKEY_CRM_meta_clone" not in self.environ or self.force_clones:
            return []
        if may_be_on_several_nodes(self.fstype, self.options):
            return []
        return [
            f"{self.fstype or 'a filesystem of unknown type'} must not be cloned: mounted on "
            "two nodes at once it is destroyed"
        ]


def mount_point(directory: str) -> str:
    """Return a mount point without double and trailing slashes.

    Returns:
        The folder; "" if nothing may be mounted there: a folder of the system, or a relative path.
    """
    folder = directory
    if not {"", ".", ".."}.isdisjoint(folder.split("/")[1:]):
        import os

        folder = os.path.normpath(folder)
        if folder.startswith("//"):  # which POSIX lets mean something else than /
            folder = folder[1:]
    return folder if folder.startswith("/") and is_for_data(folder) else ""


def is_for_data(folder: str) -> bool:
    """Tell whether a filesystem with data may be mounted on a folder, given without links."""
    top, slash, _ = folder.lstrip("/").partition("/")
    if top not in SYSTEM_TOPS:
        return bool(slash) or top not in TOPS
    from ocf_agents.disk.system_folders import is_of_the_system

    return not is_of_the_system(folder)


def has_no_disk(fstype: str, device: str) -> bool:
    """Tell whether a filesystem has no block device, whatever its source looks like.

    Args:
        fstype: The type of the filesystem, "" if it is not known.
        device: Its source. mount(8) takes //SERVER/SHARE for cifs, and SERVER:/PATH for NFS.
    """
    if fstype:
        return fstype in DISKLESS or fstype.startswith("fuse.")
    return device.startswith("//") or ":/" in device


def is_bind(options: str) -> bool:
    """Tell whether mount options ask for a folder that is mounted a second time."""
    return not {"bind", "rbind"}.isdisjoint(options.split(","))


def subvolume(options: str) -> str:
    """Return what of a btrfs options ask for, as the table of mounts has it; "" if nothing."""
    names = [o.partition("=")[2] for o in options.split(",") if o.startswith("subvol=")]
    return f"/{names[-1].strip('/')}" if names else ""


def may_be_on_several_nodes(fstype: str, options: str = "") -> bool:
    """Tell whether several nodes may have a filesystem mounted at the same time.

    Args:
        fstype: The type of the filesystem, "" if it is not known.
        options: Its mount options, as the parameter `options` has them.
    """
    return fstype in NETWORK + CLUSTERED or is_bind(options)


def is_device(device: str, fstype: str = "") -> bool:
    """Tell whether a text can be the source of a mount: a path, a tag, or a name on the network.

    Args:
        device: The value of the parameter `device`.
        fstype: The type of the filesystem, "" if it is not known. What has no disk has a source of
            any name.
    """
    from ocf_agents.disk.device import tag_and_value

    if device.startswith("/") or tag_and_value(device)[0] or fstype in NETWORK + CLUSTERED:
        return bool(device)
    return ":/" in device


def device_path(device: str) -> str:
    """Return the path of a device, also of one that is given by a tag such as UUID=….

    Args:
        device: The value of the parameter `device`.
    """
    from ocf_agents.disk.device import tag_and_value, udev_link

    tag, value = tag_and_value(device)
    return udev_link(tag, value) if tag else device


def _is_half_a_key(text: str) -> bool:
    return 0 < len(text) <= 8 and all(c in "0123456789abcdefABCDEF" for c in text)  # noqa: PLR2004
