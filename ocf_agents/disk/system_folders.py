"""Which folders are the system's own; on them nothing may be mounted."""

from __future__ import annotations

# Not on these, nor anywhere below the second; /tmp and the like are in disk/parameters.py.
SYSTEM = {
    *("/usr", "/usr/local", "/var", "/var/cache", "/var/lib", "/var/log"),
    *("/var/spool", "/var/tmp"),  # noqa: S108
}
_PROGRAMS = ("bin", "etc", "games", "include", "lib", "libexec", "sbin", "share", "src")
SYSTEM_TREES = (
    *("/bin", "/boot", "/dev", "/efi", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc"),
    *("/root", "/run", "/sbin", "/sys", "/var/run", "/var/lock"),
    *(f"/usr/{name}" for name in (*_PROGRAMS, "lib32", "lib64", "libx32")),
    *(f"/usr/local/{name}" for name in (*_PROGRAMS, "man")),
    *(f"/var/cache/{name}" for name in ("apt", "debconf", "dnf", "ldconfig", "private")),
    *(f"/var/log/{name}" for name in ("audit", "cluster", "journal", "pacemaker", "pcsd")),
    *("/var/log/private", "/var/spool/at", "/var/spool/cron", "/var/spool/anacron"),
    *(f"/var/lib/{name}" for name in ("apt", "dpkg", "dnf", "rpm", "ucf", "dkms")),
    *(f"/var/lib/{name}" for name in ("corosync", "heartbeat", "iscsi", "pacemaker", "pcsd")),
    *(f"/var/lib/{name}" for name in ("dbus", "NetworkManager", "polkit-1", "private", "systemd")),
    *(f"/var/lib/{name}" for name in ("initramfs-tools", "pam", "selinux", "sudo", "takeover")),
)
# Where desktops mount what is plugged in, and in the agents' own folder, where ocft does.
DATA = ("/run/media", "/run/resource-agents", "/var/run/resource-agents")


def is_of_the_system(folder: str) -> bool:
    """Tell whether a folder, given without links, is the system's own."""
    inside = f"{folder}/"
    if inside.startswith(tuple(f"{tree}/" for tree in DATA)):
        return folder in DATA
    return folder in SYSTEM or inside.startswith(tuple(f"{tree}/" for tree in SYSTEM_TREES))
