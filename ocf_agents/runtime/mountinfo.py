"""The table of mounts (proc_pid_mountinfo(5)). Reading it touches no disk and cannot hang."""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time

ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\043": "#", "\\134": "\\"}

SYSTEM_FOLDERS = {
    *("/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin"),
    *("/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/lib/pacemaker", "/var/log", "/var/run"),  # noqa: S108
}


SYSFS = "/sys"

# ext4 since Linux 6.15 says emergency_ro where it said ro (errors=remount-ro).
READ_ONLY = {"ro", "emergency_ro", "shutdown"}
# Of SCSI and NVMe disks (drivers/scsi/scsi_sysfs.c, drivers/nvme/host/sysfs.c).
DEAD = ("offline", "transport-offline", "dead")


class Mount:
    """One mount.

    Args:
        line: Its line in the table of mounts.

    Attributes:
        id: Its ID.
        parent: The ID of the mount that it is mounted in.
        device: The number of its device, "major:minor". Btrfs and network filesystems have no
            number of their own: there the major number is 0.
        root: What of the filesystem is mounted: "/", but for bind mounts and subvolumes.
        point: The mount point.
        type: The type of the filesystem.
        source: What is mounted: a device, or a name on the network.
        options: The options of the mount and of the superblock.
        is_shared: Whether what is mounted or unmounted in it is so in its copies, too.
    """

    def __init__(self, line: str) -> None:
        left, _, right = line.partition(" - ")
        self.id, self.parent, self.device, root, point, options, *tags = left.split(" ")
        self.type, source, superblock = [*right.split(" "), "", ""][:3]
        self.root = unescape(root)
        self.point = unescape(point)
        self.source = unescape(source)
        self.options = {*options.split(","), *superblock.split(",")}
        self.is_shared = any(tag.startswith("shared:") for tag in tags)

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same mount, perhaps in another reading of the table."""
        return isinstance(other, Mount) and other.id == self.id

    def __hash__(self) -> int:
        """Return a number that is the same for equal mounts."""
        return hash(self.id)

    @property
    def has_disk(self) -> bool:
        """Whether the source is a disk; that of FUSE may be /dev/fuse, which is none."""
        pooled = not self.device.startswith("0:") or self.type in ("btrfs", "bcachefs")
        return pooled and self.source.startswith("/dev/")

    @property
    def disk(self) -> str:
        """The number of the disk ("major:minor"), also for btrfs; else the device's."""
        if self.device.startswith("0:") and self.has_disk:
            try:  # bcachefs names all its disks
                return number(posix.stat(self.source.partition(":")[0]).st_rdev)
            except OSError:
                return self.device
        return self.device

    def is_on(self, disks: set[str]) -> bool:
        """Tell whether it is of one of these disks ("major:minor")."""
        return self.device in disks or self.disk in disks


def parse(text: str) -> list[Mount]:
    """Return the mounts of a mountinfo table, in the order in which they were made."""
    # Not splitlines(): names may have line breaks other than the line feed, which is escaped.
    return [Mount(line) for line in text.split("\n") if line]


def mounts(process: str = "self") -> list[Mount]:
    """Return the mounts that a process sees, read again until two readings are the same.

    A table longer than one read can miss an entry when another is removed meanwhile.
    """
    return parse(_table(process))


def mounts_on(folder: str) -> list[Mount]:
    """Return what is mounted on a folder; of a long table only those lines are parsed."""
    table = _table("self")
    if escape(folder) == folder:  # the kernel has it as it is
        table = "\n".join(line for line in table.split("\n") if f" {folder} " in line)
    return at(parse(table), folder)


def at(table: list[Mount], folder: str) -> list[Mount]:
    """Return what is mounted on a folder; the last one is what processes see."""
    return [mount for mount in table if mount.point == folder]


def holding(table: list[Mount], path: str) -> Mount | None:
    """Return the mount that an absolute path, without links, leads into."""
    above = [m for m in table if m.point in ("/", path) or path.startswith(m.point + "/")]
    # Of equally long ones the last: it was mounted on top of the others.
    return max(reversed(above), key=lambda mount: len(mount.point), default=None)


def of(disk: str) -> list[Mount]:
    """Return what is mounted of a disk ("major:minor") or of its pool, wherever."""
    disks = pool(disk)
    return [mount for mount in mounts() if mount.is_on(disks)]


def pool(disk: str) -> set[str]:
    """Return the disks ("major:minor") of the filesystem that a disk is part of, itself among them.

    A btrfs may be on several, of which the table of mounts shows any one.
    """
    root = f"{SYSFS}/fs/btrfs"
    for each in _names(root):
        folder = f"{root}/{each}/devices"
        found = {_number_of(f"{folder}/{name}") for name in _names(folder)}
        if disk in found:
            return found - {""}
    return {disk}


def in_use(disk: str) -> bool:
    """Tell whether the kernel has a filesystem of a disk ("major:minor") in use.

    After umount --lazy it has, as long as a process has something open there. This is known of the
    filesystems that show it in /sys/fs: ext4, xfs, btrfs and others.
    """
    import os

    name = os.path.basename(os.path.realpath(f"{SYSFS}/dev/block/{disk}"))
    if any(os.path.exists(f"{SYSFS}/fs/{kind}/{name}") for kind in _names(f"{SYSFS}/fs")):
        return True
    btrfs = f"{SYSFS}/fs/btrfs"  # it has a folder for each filesystem, with its disks in it
    return any(os.path.lexists(f"{btrfs}/{pool}/devices/{name}") for pool in _names(btrfs))


def is_here(disk: str) -> bool:
    """Tell whether the kernel still has a disk ("major:minor"), without asking the disk itself."""
    return posix.access(f"{SYSFS}/dev/block/{disk}", posix.F_OK)


def state_of(disk: str) -> str:
    """Return what the kernel says of a disk ("major:minor"), "" if it says nothing.

    A disk that is lost has one of the states in `DEAD`.
    """
    for folder in ("device", "../device"):  # of the disk, or of the disk of this partition
        try:
            return _line(f"{SYSFS}/dev/block/{disk}/{folder}/state")
        except OSError:
            continue
    return ""


def number(device: int) -> str:
    """Return a device number as "major:minor"."""
    return f"{posix.major(device)}:{posix.minor(device)}"


def is_system_folder(folder: str) -> bool:
    """Tell whether what is mounted there is the system's own."""
    return folder in SYSTEM_FOLDERS or folder.startswith(("/dev/", "/proc/", "/sys/"))


def _table(process: str) -> str:
    path = f"/proc/{process}/mountinfo"
    before = _read(path)
    while (now := _read(path)) != before:
        before = now
    return now


def _names(folder: str) -> list[str]:
    try:
        return posix.listdir(folder)
    except OSError:
        return []


def _number_of(folder: str) -> str:
    """Return the number of a block device by its folder in sysfs, "" if it has gone."""
    try:
        return _line(f"{folder}/dev")
    except OSError:
        return ""


def _line(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return file.read().decode(errors="replace").strip()


def _read(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return file.read().decode(errors="surrogateescape")


def escape(text: str) -> str:
    """Return a path as the kernel writes it in the table of mounts (proc_pid_mountinfo(5))."""
    for code, character in reversed(ESCAPES.items()):  # the backslash before what brings more
        text = text.replace(character, code)
    return text


def to_remember(path: str) -> str:
    """Return a path, of whatever bytes, as a text of one line for a state file."""
    return "".join(
        c
        if c.isascii() and c.isprintable() and c != "%"
        else "".join(f"%{byte:02x}" for byte in c.encode(errors="surrogateescape"))
        for c in path
    )


def remembered(text: str) -> str:
    """Return the path that `to_remember` has made a text of."""
    first, *rest = text.split("%")
    if not rest:
        return text
    found = first.encode()
    for part in rest:
        found += bytes.fromhex(part[:2]) + part[2:].encode()
    return found.decode(errors="surrogateescape")


def unescape(text: str) -> str:
    """Return a text of the kernel's tables with its escapes resolved."""
    if "\\" not in text:
        return text
    # Left to right, each escape once: "\134040" is a backslash and "040", not a blank.
    first, *rest = text.split("\\")
    return first + "".join(
        ESCAPES.get("\\" + part[:3], "\\" + part[:3]) + part[3:] for part in rest
    )
