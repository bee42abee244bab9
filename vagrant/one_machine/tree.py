"""The Debian root tree that the rig's nodes boot: built once from Debian's packages, then cached.

The tree holds what an administrator would have installed before the first `takeover` command: the
cluster packages, PostgreSQL, and a virtual environment in /opt/takeover with the locked
dependencies. Takeover itself is not in it: each rig installs the wheel of its own checkout.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vagrant.one_machine.layout import running_layouts

CACHE_DIR = Path("/var/cache/takeover-rig")
CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = CHECKOUT / "requirements.lock"

#: Python version of each Debian release that can be chosen.
PYTHON_OF = {"bookworm": "3.11", "trixie": "3.13"}

PACKAGES = (
    # the operating system
    "systemd,systemd-sysv,dbus,iproute2,iputils-ping,procps,psmisc,e2fsprogs,xfsprogs,less,"
    # the cluster, and the stock agents as peers for ours
    "corosync,pacemaker,pacemaker-cli-utils,pcs,resource-agents,libxml2-utils,"
    # shared disks: the target (also sg3-utils) and an initiator that needs no kernel module
    "tgt,qemu-system-common,qemu-utils,qemu-block-extra,fuse3,sg3-utils,"
    # Takeover's interpreter, and the application of the demo
    "python3,python3-venv,postgresql"
).split(",")

#: Units that have no place in a namespace, would change the whole machine, or must not start before
#: `pcs cluster setup` (Debian's packages enable a one-node cluster of their own).
_MASKED = (
    "systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket "
    "systemd-udev-trigger.service systemd-logind.service systemd-timesyncd.service "
    "systemd-sysctl.service systemd-modules-load.service systemd-networkd-wait-online.service "
    "getty@tty1.service console-getty.service getty.target e2scrub_reap.service "
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer "
    "tgt.service postgresql.service open-iscsi.service iscsid.socket logrotate.timer"
).split()
#: How long a tree is kept after its last use, in seconds.
_KEPT = 14 * 24 * 3600.0
_DISABLED = ("corosync.service", "pacemaker.service")
_UNDOCUMENTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


class TreeError(Exception):
    """The root tree could not be built; the message has the command and the end of its output."""


def tree_for(release: str, say: Callable[[str], None]) -> Path:
    """The root tree of a Debian release, built now if the cache does not have it.

    Args:
        release: a key of `PYTHON_OF`.
        say: told each step that takes a while.

    Raises:
        TreeError: a step failed; nothing half-built is left in the cache.
    """
    tree = CACHE_DIR / f"{release}-{_fingerprint(release)}"
    with _cache_lock():
        if not tree.is_dir():
            _build(release, tree, say)
        tree.with_suffix(".used").touch()
        _remove_unused()
    return tree


def wheel_of_checkout() -> Path:
    """Takeover's wheel built from this checkout, anew when its sources have changed.

    Raises:
        TreeError: the wheel could not be built.
    """
    sources = [CHECKOUT / "pyproject.toml"]
    for package in ("ocf_agents", "cib_templates", "pcs_wrapper"):
        sources += sorted((CHECKOUT / package).rglob("*.py"))
    folder = CACHE_DIR / "wheels" / _digest(path.read_bytes() for path in sources)
    with _cache_lock():
        if not folder.is_dir():
            shutil.rmtree(folder.parent, ignore_errors=True)
            partial = folder.with_suffix(".partial")
            pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
            _run(
                *pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", partial, CHECKOUT
            )
            partial.rename(folder)
    return next(folder.glob("*.whl"))


def _build(release: str, tree: Path, say: Callable[[str], None]) -> None:
    partial = tree.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    say(f"building the {release} root tree (about a minute and a half, once)")
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in _UNDOCUMENTED]
    # In namespaces of its own, so that being killed leaves no mount and no process behind.
    _run(
        *("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"),
        *("mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *(*options, '--aptopt=Acquire::Languages "none"', release, str(partial)),
    )
    say(f"installing Takeover's dependencies in the {release} root tree")
    wheels = partial / "tmp" / "wheels"
    _run(
        *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"),
        *("--require-hashes", "--requirement", LOCK, "--dest", wheels),
        *("--python-version", PYTHON_OF[release], "--only-binary", ":all:"),
    )
    shutil.copy(LOCK, wheels / LOCK.name)
    chroot = ("unshare", "--pid", "--fork", "--kill-child", "chroot", str(partial))
    _run(*chroot, "python3", "-m", "venv", "/opt/takeover")
    _run(
        *(*chroot, "/opt/takeover/bin/pip", "--quiet", "install", "--no-index", "--require-hashes"),
        *("--find-links", "/tmp/wheels", "--requirement", f"/tmp/wheels/{LOCK.name}"),  # noqa: S108
    )
    shutil.rmtree(wheels)
    _configure(partial)
    partial.rename(tree)


def _configure(tree: Path) -> None:
    """Make the tree bootable in a namespace, and a node that `pcs cluster setup` can begin with."""
    units = tree / "etc/systemd/system"
    for unit in _MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    for unit in _DISABLED:
        (units / "multi-user.target.wants" / unit).unlink(missing_ok=True)
    # sbd hooks itself into the cluster's start even where it is not used.
    for requiring in ("corosync.service.requires", "pacemaker.service.requires"):
        shutil.rmtree(units / requiring, ignore_errors=True)
    (tree / "etc/corosync/corosync.conf").unlink(missing_ok=True)
    for name in ("hostname", "resolv.conf", "machine-id"):
        (tree / "etc" / name).unlink(missing_ok=True)
    (tree / "usr/local/bin/takeover").symlink_to("/opt/takeover/bin/takeover")


def _fingerprint(release: str) -> str:
    return _digest([release.encode(), LOCK.read_bytes(), Path(__file__).read_bytes()])


def _digest(parts: Iterator[bytes] | list[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _remove_unused() -> None:
    """Remove trees of older recipes that nothing has run on for a while, and interrupted builds."""
    for partial in CACHE_DIR.glob("*.partial"):
        shutil.rmtree(partial, ignore_errors=True)  # the lock is held: nobody is building
    running = {layout.tree for layout in running_layouts()}
    for stamp in CACHE_DIR.glob("*.used"):
        tree = stamp.with_suffix("")
        if time.time() - stamp.stat().st_mtime > _KEPT and str(tree) not in running:
            shutil.rmtree(tree, ignore_errors=True)
            stamp.unlink()


@contextmanager
def _cache_lock() -> Iterator[None]:
    import fcntl

    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    with (CACHE_DIR / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str | Path) -> None:
    # Nothing goes on alone when this process is killed: the next run would meet it.
    words = ["setpriv", "--pdeathsig", "KILL", *map(str, command)]
    environment = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=environment,
    )
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-15:])
        raise TreeError(
            f"{shlex.join(words)}\nexited with {result.returncode}:\n{tail}\n"
            "The Debian mirror and PyPI must be reachable; what was begun is built anew next time"
        )
