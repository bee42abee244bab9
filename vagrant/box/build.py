"""The box as Vagrant takes it: a tar of metadata.json, a Vagrantfile, the disk, kernel and initrd.

The disk has no boot loader: the box's Vagrantfile gives the kernel to the virtual machine.
"""

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from vagrant import debian
from vagrant.box import image
from vagrant.debian import LOCK, TreeError, cache_lock, digest, run

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


def box_for(release: str, say: Callable[[str], None]) -> Path:
    """The box of a Debian release, built now if the cache does not have it.

    Args:
        release: a key of `debian.PYTHON_OF`.
        say: told each step that takes a while.

    Raises:
        TreeError: a step failed; nothing half-built is left in the cache.
    """
    recipes = [Path(__file__), Path(image.__file__), Path(debian.__file__)]
    parts = [release.encode(), LOCK.read_bytes(), *(each.read_bytes() for each in recipes)]
    box = BOX_CACHE / f"takeover-{release}-{digest(parts)}.box"
    with cache_lock(BOX_CACHE):
        for partial in BOX_CACHE.glob("*.partial"):
            shutil.rmtree(partial, ignore_errors=True)
        if not box.exists():
            work = box.with_suffix(".partial")
            work.mkdir()
            try:
                _build(release, work, say)
                for older in BOX_CACHE.glob(f"takeover-{release}-*.box"):
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
    run("qemu-img", "convert", "-O", "qcow2", raw, disk)
    (work / "metadata.json").write_text(metadata())
    (work / "Vagrantfile").write_text(VAGRANTFILE)
    with tarfile.open(work / "box", "w") as tar:
        for name in ("metadata.json", "Vagrantfile", "box.img", "vmlinuz", "initrd.img"):
            tar.add(work / name, name, filter=lambda info: _anonymous(info, epoch))


def metadata() -> str:
    """The box's metadata.json (vagrant-libvirt, "Box format", version 1)."""
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
