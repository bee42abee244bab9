"""The Debian root tree that the rig's nodes boot: built once from Debian's packages, then cached.

It holds PostgreSQL, too, tgtd, corosync-qnetd and pacemaker-remoted: the same tree is the storage
server's, the quorum device's, and a remote node's.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from vagrant.common import debian
from vagrant.common.building import CACHE_DIR, cache_lock, digest
from vagrant.common.debian import LOCK, make_tree
from vagrant.one_machine.layout import running_layouts

PACKAGES = (
    # the operating system
    "systemd,systemd-sysv,dbus,iproute2,iputils-ping,procps,psmisc,e2fsprogs,xfsprogs,less,"
    # the cluster, and the stock agents as peers for ours
    "corosync,pacemaker,pacemaker-cli-utils,pcs,resource-agents,libxml2-utils,"
    # a quorum device: what talks to it on a node, and what a witness runs
    "corosync-qdevice,corosync-qnetd,"
    # shared disks: the target (also sg3-utils) and an initiator that needs no kernel module
    "tgt,qemu-system-common,qemu-utils,qemu-block-extra,fuse3,sg3-utils,"
    # Takeover's interpreter, and the application of the demo
    "python3,python3-venv,postgresql"
).split(",")

#: What a remote node runs. Its package conflicts with pacemaker, as one machine runs one or the
#: other; their files do not.
_REMOTE = "pacemaker-remote"
_ADD_REMOTE = (
    f'cd "$1/tmp" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --quiet download {_REMOTE}'
    f' && chroot "$1" sh -c "dpkg --force-conflicts --install /tmp/{_REMOTE}_*.deb"'
    f" && rm {_REMOTE}_*.deb"
)

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
_DISABLED = (
    "corosync.service",
    "pacemaker.service",
    "corosync-qdevice.service",
    "corosync-qnetd.service",
    "pacemaker_remote.service",
)


def tree_for(release: str, say: Callable[[str], None]) -> Path:
    """Return the root tree of a Debian release, built now if the cache does not have it.

    Args:
        release: A key of `debian.PYTHON_OF`.
        say: Called with each step that takes a while.

    Raises:
        TreeError: A step failed; nothing half-built is left in the cache.
    """
    tree = CACHE_DIR / f"{release}-{_fingerprint(release)}"
    with cache_lock():
        if not tree.is_dir():
            _build(release, tree, say)
        tree.with_suffix(".used").touch()
        _remove_unused()
    return tree


def _build(release: str, tree: Path, say: Callable[[str], None]) -> None:
    partial = tree.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    make_tree(release, PACKAGES, partial, say, hooks=[_ADD_REMOTE])
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


def _fingerprint(release: str) -> str:
    recipes = [Path(__file__), Path(debian.__file__)]
    return digest([release.encode(), LOCK.read_bytes(), *(each.read_bytes() for each in recipes)])


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
