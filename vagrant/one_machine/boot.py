"""Boots a host of the rig: new namespaces, its own root file system, then its PID 1.

Run by the controller as `python -m vagrant.one_machine.boot`, with the host's description (JSON,
see `Boot`) as the only argument. It prints the PID of the host's PID 1 and stays until that has
ended and the kernel has killed everything else in the host's PID namespace.
"""

import json
import os
import stat
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from vagrant.common.kernel import (
    MountFlag,
    Namespace,
    die_with_parent,
    enter_network,
    mount,
    pivot_root,
    sethostname,
    unshare,
)

_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}

#: A host powers itself off or reboots with reboot(2); in a PID namespace the kernel turns that into
#: one of these signals to PID 1 (reboot(2), "Behavior inside PID namespaces").
REBOOTED = 128 + 1


@dataclass(frozen=True, kw_only=True)
class Boot:
    """What is needed to boot one host.

    Args:
        hostname: The host's name.
        init: What runs as PID 1, with its arguments.
        netns: The file that stands for the host's network namespace.
        cgroup: The host's cgroup folder.
        lower: The layers of its root file system, topmost first; never written to.
        disk: A folder that keeps what the host writes, over power cycles.
        loops: Numbers of the loop devices that the host may use.
        sockets: Sockets of the controller that the host sees: path in the host to path outside.
    """

    hostname: str
    init: list[str]
    netns: str
    cgroup: str
    lower: list[str]
    disk: str
    loops: list[int]
    sockets: dict[str, str]

    def argument(self) -> str:
        """Return the command line argument that `main` takes."""
        return json.dumps(asdict(self))


def main() -> None:
    """Boot the host in the argument; exit with its PID 1's code, or 128 + signal."""
    boot = Boot(**json.loads(sys.argv[1]))
    # First the cgroup, then its namespace: the namespace's root is the cgroup at that moment.
    (Path(boot.cgroup) / "cgroup.procs").write_text(str(os.getpid()))
    enter_network(Path(boot.netns))
    kinds = Namespace.MOUNT | Namespace.UTS | Namespace.IPC | Namespace.CGROUP | Namespace.PID
    unshare(kinds)
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        _become_init(boot)
    print(pid, flush=True)
    _, status = os.waitpid(pid, 0)
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _become_init(boot: Boot) -> None:
    sethostname(boot.hostname)
    mount("", "/", flags=MountFlag.REC | MountFlag.PRIVATE)
    root = _mount_root(boot)
    _mount_kernel_files(root)
    _make_devices(root / "dev", boot.loops)
    for folder, options in (("run", "mode=755"), ("tmp", "mode=1777")):
        mount("tmpfs", root / folder, "tmpfs", MountFlag.NOSUID | MountFlag.NODEV, options)
    for inside, outside in boot.sockets.items():
        target = root / inside.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
        mount(outside, target, flags=MountFlag.BIND)
    pivot_root(root)
    # systemd looks at $container to know that devices, the clock and the like are not its own.
    os.execve(boot.init[0], boot.init, {"container": "takeover-rig", "PATH": os.environ["PATH"]})


def _mount_root(boot: Boot) -> Path:
    disk = Path(boot.disk)
    root = disk / "root"
    for folder in ("upper", "work", "root"):
        (disk / folder).mkdir(parents=True, exist_ok=True)
    layers = ":".join(boot.lower)
    options = f"lowerdir={layers},upperdir={disk}/upper,workdir={disk}/work"
    mount("overlay", root, "overlay", data=options)
    return root


def _mount_kernel_files(root: Path) -> None:
    """Mount proc, sys and cgroup so that a host can change itself, but not the machine."""
    proc, sys_ = root / "proc", root / "sys"
    safe = MountFlag.NOSUID | MountFlag.NODEV
    mount("proc", proc, "proc", safe)
    for path in (proc / "sys", proc / "sys/net"):
        mount(str(path), path, flags=MountFlag.BIND)
    mount("", proc / "sys", flags=MountFlag.REMOUNT | MountFlag.BIND | MountFlag.RDONLY)
    sysrq = proc / "sysrq-trigger"
    if sysrq.exists():  # the kernel may be built without it
        mount("/dev/null", sysrq, flags=MountFlag.BIND)
    mount("sysfs", sys_, "sysfs", safe | MountFlag.RDONLY)
    mount("cgroup2", sys_ / "fs/cgroup", "cgroup2", safe)


def _make_devices(dev: Path, loops: list[int]) -> None:
    mount("tmpfs", dev, "tmpfs", MountFlag.NOSUID, "mode=755")
    for name, minor in _DEVICES.items():
        _make_device(dev / name, stat.S_IFCHR | 0o666, 1, minor)
    _make_device(dev / "tty", stat.S_IFCHR | 0o666, 5, 0)
    _make_device(dev / "fuse", stat.S_IFCHR | 0o666, 10, 229)
    for number in loops:
        _make_device(dev / f"loop{number}", stat.S_IFBLK | 0o660, 7, number)
    for name, options in (
        ("pts", "newinstance,ptmxmode=0666,mode=620,gid=5"),
        ("shm", "mode=1777"),
    ):
        (dev / name).mkdir()
        fstype = "devpts" if name == "pts" else "tmpfs"
        mount(fstype, dev / name, fstype, MountFlag.NOSUID, options)
    (dev / "ptmx").symlink_to("pts/ptmx")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (dev / name).symlink_to(f"/proc/self/fd{target}")


def _make_device(path: Path, mode: int, major: int, minor: int) -> None:
    os.mknod(path, mode, os.makedev(major, minor))
    path.chmod(stat.S_IMODE(mode))  # mknod obeys the umask


if __name__ == "__main__":
    main()
