"""The box as Vagrant takes it: a tar of metadata.json, a Vagrantfile, the disk, kernel and initrd.

The disk has no boot loader: the box's Vagrantfile gives the kernel to the virtual machine.
Two builds of the same packages are the same, byte for byte (tests/vagrant/test_box.py).
"""

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from vagrant.box import image
from vagrant.common import debian
from vagrant.common.building import cache_lock, digest, run
from vagrant.common.debian import LOCK
from vagrant.common.errors import TreeError

BOX_CACHE = Path("/var/cache/takeover-box")
DISK_GIB = 6

#: Of the file system, and of the hash of its folders: not chosen anew for each build.
_UUID = "7a6b65f0-0000-4000-8000-74616b656f76"

#: No file of the box is younger, in seconds since 1970, unless $SOURCE_DATE_EPOCH says otherwise.
_EPOCH = 1767225600

VAGRANTFILE = """# The kernel is beside this file: the disk has no boot loader.
Vagrant.configure("2") do |config|
  config.ssh.insert_key = false
  config.vm.synced_folder ".", "/vagrant", disabled: true
  config.vm.provider :libvirt do |libvirt|
    libvirt.kernel = File.expand_path("vmlinuz", __dir__)
    libvirt.initrd = File.expand_path("initrd.img", __dir__)
    libvirt.cmd_line = "root=/dev/vda rw net.ifnames=0 mitigations=off quiet"
  end
end
"""


def box_for(release: str, say: Callable[[str], None], cache: Path = BOX_CACHE) -> Path:
    """Return the box of a Debian release, built now if the cache does not have it.

    Args:
        release: A key of `debian.PYTHON_OF`.
        say: Called with each step that takes a while.
        cache: The folder that boxes are kept in.

    Raises:
        TreeError: A step failed; nothing half-built is left in the cache.
    """
    recipes = [Path(__file__), Path(image.__file__), Path(debian.__file__)]
    parts = [release.encode(), LOCK.read_bytes(), *(each.read_bytes() for each in recipes)]
    box = cache / f"takeover-{release}-{digest(parts)}.box"
    with cache_lock(cache):
        for partial in cache.glob("*.partial"):
            shutil.rmtree(partial, ignore_errors=True)
        if not box.exists():
            work = box.with_suffix(".partial")
            work.mkdir()
            try:
                _build(release, work, say)
                for older in cache.glob(f"takeover-{release}-*.box"):
                    older.unlink()
                (work / "box").rename(box)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return box


def _build(release: str, work: Path, say: Callable[[str], None]) -> None:
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", _EPOCH))
    os.environ["SOURCE_DATE_EPOCH"] = os.environ["E2FSPROGS_FAKE_TIME"] = str(epoch)
    root = work / "root"
    image.make_root(release, root, say)
    _copy_boot_files(root, work)
    image.clamp_times(root, epoch)
    say("making the disk")
    raw, disk = work / "box.raw", work / "box.img"
    options = ("-F", "-q", "-t", "ext4", "-U", _UUID, "-E", f"hash_seed={_UUID},lazy_itable_init=1")
    run("mke2fs", *options, "-d", root, raw, f"{DISK_GIB}G")
    _clamp_inode_times(raw, root, epoch)
    run("qemu-img", "convert", "-O", "qcow2", raw, disk)
    (work / "metadata.json").write_text(metadata())
    (work / "Vagrantfile").write_text(VAGRANTFILE)
    with tarfile.open(work / "box", "w") as tar:
        for name in ("metadata.json", "Vagrantfile", "box.img", "vmlinuz", "initrd.img"):
            tar.add(work / name, name, filter=lambda info: _anonymous(info, epoch))


def _clamp_inode_times(raw: Path, root: Path, epoch: int) -> None:
    """Set what mke2fs takes from the tree, and no program can set there: ctime, and atime with it.

    debugfs(8), "set_inode_field", takes a time as @SECONDS; its commands quote a path with "".
    """
    commands = raw.with_suffix(".debugfs")
    with commands.open("w") as lines:
        for path in sorted(root.rglob("*")):
            name = f"/{path.relative_to(root)}"
            for field in ("atime", "ctime"):
                lines.write(f'set_inode_field "{name}" {field} @{epoch}\n')
    run("debugfs", "-w", "-f", commands, raw)


def metadata() -> str:
    """Return the box's metadata.json (vagrant-libvirt, "Box format", version 1)."""
    return json.dumps({"provider": "libvirt", "format": "qcow2", "virtual_size": DISK_GIB}) + "\n"


def _copy_boot_files(root: Path, work: Path) -> None:
    for name, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd.img", "initrd.img-*")):
        found = sorted((root / "boot").glob(pattern))
        if len(found) != 1:
            raise TreeError(f"the tree has not one /boot/{pattern}, but {len(found)}")
        shutil.copy(found[0], work / name)


def _anonymous(info: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    info.mtime, info.uid, info.gid, info.uname, info.gname = epoch, 0, 0, "root", "root"
    info.mode = 0o644
    return info
