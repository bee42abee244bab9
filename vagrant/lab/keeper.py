"""The process that owns a lab where no libvirtd runs: PID 1 of a PID namespace with all of it.

Started as `python -m vagrant.lab.keeper NAME`. libvirtd and its machines live in network, mount and
PID namespaces of their own, so nothing connects their networks with the machine's, and when this
process ends the kernel ends the rest. Neither systemd nor D-Bus is needed.
"""

import os
import subprocess
import sys
from pathlib import Path

from vagrant.common.kernel import MountFlag, Namespace, mount, unshare
from vagrant.lab.place import Place

#: Where libvirt keeps what; all of it is in the lab's folder instead.
LIBVIRT_FOLDERS = ("/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/run/libvirt")

_QEMU_CONF = """user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
remember_owner = 0
dynamic_ownership = 0
"""
_LIBVIRTD = [
    "libvirtd",
    "--config=/etc/libvirt/libvirtd.conf",
    "--pid-file=/run/libvirt/libvirtd.pid",
]
_ACCOUNT = "libvirt-qemu"
_LIBVIRTD_CONF = """unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:stderr"
"""


def main() -> None:
    """Become the lab's PID 1, run libvirtd and stay."""
    place = Place(sys.argv[1])
    os.umask(0o022)
    leaf = place.cgroup / "keeper"
    (leaf / "cgroup.procs").write_text(str(os.getpid()))
    unshare(Namespace.PID | Namespace.MOUNT | Namespace.NET | Namespace.IPC)
    pid = os.fork()
    if pid:
        place.pid_file.write_text(f"{pid}\n")
        os._exit(0)
    mount("", "/", flags=MountFlag.REC | MountFlag.PRIVATE)
    mount("proc", "/proc", "proc", MountFlag.NOSUID | MountFlag.NODEV)
    _mount_sysfs(place.folder / "cgroups")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    _mount_folders(place.folder / "libvirt")
    _add_account(place.folder)
    libvirtd = subprocess.Popen(_LIBVIRTD)
    while True:  # orphans of all kinds come here to be buried
        try:
            ended, status = os.wait()
        except ChildProcessError:
            ended, status = libvirtd.pid, 0
        if ended == libvirtd.pid:
            sys.exit(f"libvirtd ended: {os.waitstatus_to_exitcode(status)}")


def _mount_sysfs(aside: Path) -> None:
    """Mount the /sys of this network namespace, with the control groups that the old one had."""
    aside.mkdir()
    mount("/sys/fs/cgroup", aside, flags=MountFlag.BIND | MountFlag.REC)
    mount("sysfs", "/sys", "sysfs", MountFlag.NOSUID | MountFlag.NODEV)
    mount(str(aside), "/sys/fs/cgroup", flags=MountFlag.BIND | MountFlag.REC)


def _mount_folders(base: Path) -> None:
    for folder in LIBVIRT_FOLDERS:
        own = base / folder.lstrip("/")
        own.mkdir(parents=True, exist_ok=True)
        Path(folder).mkdir(parents=True, exist_ok=True)
        mount(str(own), folder, flags=MountFlag.BIND)
    Path("/etc/libvirt/qemu.conf").write_text(_QEMU_CONF)
    Path("/etc/libvirt/libvirtd.conf").write_text(_LIBVIRTD_CONF)


def _add_account(folder: Path) -> None:
    """Show libvirtd the account that libvirt-daemon-system makes: it wants to know the name."""
    lines = {
        "/etc/passwd": f"{_ACCOUNT}:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n",
        "/etc/group": f"{_ACCOUNT}:x:64055:\n",
    }
    for file, line in lines.items():
        known = Path(file).read_text()
        if f"\n{_ACCOUNT}:" not in known:
            own = folder / Path(file).name
            own.write_text(known + line)
            mount(str(own), file, flags=MountFlag.BIND)


if __name__ == "__main__":
    main()
