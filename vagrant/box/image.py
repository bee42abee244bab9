"""What is in the box: a Debian root tree that boots in a virtual machine, quickly.

Where there is no network behind the machines, nothing can be installed later: the tree has all
that vagrant/provision asks for, and the demo's PostgreSQL.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from vagrant.common.debian import in_tree, make_tree

_PACKAGES = (
    # the operating system, and what Vagrant expects of a guest
    "linux-image-amd64,initramfs-tools,lz4,systemd-sysv,udev,kmod,dbus,ifupdown,isc-dhcp-client,"
    "openssh-server,sudo,iproute2,iputils-ping,procps,psmisc,e2fsprogs,xfsprogs,less,"
    # the cluster and its fencing
    "corosync,pacemaker,pacemaker-cli-utils,pcs,resource-agents,libxml2-utils,sbd,"
    # shared disks: initiator, target, reservations, several paths, mirrors
    "open-iscsi,targetcli-fb,sg3-utils,multipath-tools,drbd-utils,"
    # Takeover's interpreter, and the application of the demo
    "python3,python3-venv,postgresql"
).split(",")
#: In Debian 13 each fence agent has a package; that of all of them brings every cloud's libraries.
_FENCE_AGENTS = {
    "bookworm": ["fence-agents"],
    "trixie": ["fence-agents-sbd", "fence-agents-scsi", "fence-agents-mpath"],
}

#: What makes a boot longer, or works against tests: an emulated processor is slow.
_MASKED = (
    "e2scrub_reap.service e2scrub_all.timer fstrim.timer apt-daily.timer apt-daily-upgrade.timer "
    "dpkg-db-backup.timer logrotate.timer man-db.timer systemd-timesyncd.service "
    "systemd-udev-settle.service getty@tty1.service postgresql.service drbd.service"
).split()
#: Started by the cluster or by provisioning, where they are wanted.
_DISABLED = (
    "corosync pacemaker pcsd pcsd-ruby rtslib-fb-targetctl multipathd open-iscsi iscsid".split()
)

#: The smallest initrd that finds the root file system: it is unpacked by an emulated processor.
_INITRD_MODULES = "virtio_pci\nvirtio_blk\next4\ncrc32c\ncrc32c_generic\n"

#: Vagrant's public key, known to everybody: the box is for networks without a way in.
_VAGRANT_KEY = Path(__file__).with_name("vagrant.pub")

_FILES = {
    "etc/network/interfaces": (
        "auto lo\niface lo inet loopback\n\n"
        # "auto" would have a boot wait for a network that is not there.
        "allow-hotplug eth0\niface eth0 inet dhcp\n"
    ),
    "etc/fstab": "/dev/vda / ext4 errors=remount-ro,noatime 0 1\n",
    "etc/hostname": "takeover\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/sudoers.d/vagrant": "vagrant ALL=(ALL) NOPASSWD: ALL\n",
    "etc/initramfs-tools/conf.d/takeover": "MODULES=list\nCOMPRESS=lz4\nFSTYPE=ext4\n",
    "etc/initramfs-tools/modules": _INITRD_MODULES,
    # Four emulated machines that boot on two processors: systemd's 90 s are not enough for pcsd.
    "etc/systemd/system.conf.d/takeover.conf": "[Manager]\nDefaultTimeoutStartSec=600s\n",
    # A reverse look-up of every client would wait for name servers that are not there.
    "etc/ssh/sshd_config.d/takeover.conf": "UseDNS no\nGSSAPIAuthentication no\n",
}


def packages(release: str) -> list[str]:
    """Return the Debian packages of a box; `release` is a key of `debian.PYTHON_OF`."""
    return [*_PACKAGES, *_FENCE_AGENTS[release]]


def make_root(release: str, folder: Path, say: Callable[[str], None]) -> None:
    """Make the box's root tree.

    Args:
        release: A key of `debian.PYTHON_OF`.
        folder: The tree's folder; it must not exist.
        say: Called with each step that takes a while.

    Raises:
        TreeError: A step failed.
    """
    make_tree(release, packages(release), folder, say)
    for name, content in _FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "etc/sudoers.d/vagrant").chmod(0o440)
    _choose_units(folder)
    _add_user(folder)
    _remove_one_node_cluster(folder)
    _remove_example_databases(folder)
    _remove_what_is_a_machines_own(folder)
    _make_host_keys_at_first_boot(folder)
    say("making the initrd")
    in_tree(folder, "update-initramfs", "-u", "-k", "all")
    # apt makes them anew, for whichever user it finds.
    for folders in ("var/lib/apt/lists", "var/cache/apt/archives"):
        shutil.rmtree(folder / folders, ignore_errors=True)
    _empty(folder / "dev")


def clamp_times(folder: Path, epoch: int) -> None:
    """Let no file be younger than `epoch`, in seconds since 1970: two builds are then alike."""
    for base, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(base, name)
            if path.lstat().st_mtime > epoch:
                os.utime(path, (epoch, epoch), follow_symlinks=False)
    os.utime(folder, (epoch, epoch))


def _empty(dev: Path) -> None:
    """Leave the devices to the kernel (devtmpfs): only root could have made them in the tree."""
    shutil.rmtree(dev)
    dev.mkdir(mode=0o755)


def _choose_units(tree: Path) -> None:
    units = tree / "etc/systemd/system"
    for unit in _MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    for unit in _DISABLED:
        in_tree(tree, "systemctl", "disable", "--quiet", unit)


def _add_user(tree: Path) -> None:
    in_tree(tree, "useradd", "--create-home", "--shell", "/bin/bash", "vagrant")
    ssh = tree / "home/vagrant/.ssh"
    ssh.mkdir(mode=0o700)
    (ssh / "authorized_keys").write_text(_VAGRANT_KEY.read_text())
    (ssh / "authorized_keys").chmod(0o600)
    in_tree(tree, "chown", "--recursive", "vagrant:vagrant", "/home/vagrant")
    in_tree(tree, "chmod", "0700", "/home/vagrant")


def _remove_one_node_cluster(tree: Path) -> None:
    """Take Debian's example cluster away, and sbd's hooks, which keep all else from starting."""
    for requiring in ("corosync.service.requires", "pacemaker.service.requires"):
        shutil.rmtree(tree / "etc/systemd/system" / requiring, ignore_errors=True)
    (tree / "etc/corosync/corosync.conf").unlink(missing_ok=True)


def _remove_example_databases(tree: Path) -> None:
    """Take the cluster away that Debian's PostgreSQL makes of itself: nothing here uses it."""
    for cluster in sorted((tree / "etc/postgresql").glob("*/*")):
        in_tree(tree, "pg_dropcluster", cluster.parent.name, cluster.name)


def _remove_what_is_a_machines_own(tree: Path) -> None:
    """Take names, keys and certificates away that packages made of randomness when they came.

    All machines of the box would have the same. pcs, provisioning and the first boot make new ones.
    """
    for pattern in (
        "etc/ssh/ssh_host_*",
        "etc/pacemaker/authkey",
        "etc/ssl/certs/ssl-cert-snakeoil.pem",
        "etc/ssl/private/ssl-cert-snakeoil.key",
    ):
        for path in tree.glob(pattern):
            path.unlink()
    in_tree(tree, "update-ca-certificates", "--fresh")
    # open-iscsi's README.Debian: iscsid then makes a name before it first starts.
    (tree / "etc/iscsi/initiatorname.iscsi").write_text("GenerateName=yes\n")
    # machine-id(5), "First Boot Semantics": an empty one is made up at the first boot.
    (tree / "etc/machine-id").write_text("")


def _make_host_keys_at_first_boot(tree: Path) -> None:
    unit = "takeover-host-keys.service"
    (tree / "etc/systemd/system" / unit).write_text(
        "[Unit]\nDescription=SSH host keys of this machine\nBefore=ssh.service\n"
        "ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\n\n"
        # An RSA key takes an emulated processor half a minute.
        "[Service]\nType=oneshot\nExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N '' "
        "-f /etc/ssh/ssh_host_ed25519_key\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    in_tree(tree, "systemctl", "enable", "--quiet", unit)
