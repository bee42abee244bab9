"""The shared disks: an iSCSI target (tgtd) that exports LUNs kept in memory."""

import subprocess
import time
from pathlib import Path

from vagrant.common.disks import TARGET
from vagrant.one_machine.host import Host
from vagrant.one_machine.layout import Layout

TGTD = "/usr/sbin/tgtd"
_START_LIMIT = 20.0


def storage_init(layout: Layout) -> list[str]:
    """Return what runs as PID 1 of the storage server."""
    return [TGTD, "--foreground", "--iscsi", f"portal={layout.portal}"]


def create_images(layout: Layout, disk: Path) -> None:
    """Create the (sparse) images that the LUNs are kept in, on the storage server's disk."""
    folder = disk / "upper/srv"
    folder.mkdir(parents=True)
    for lun in range(1, layout.luns + 1):
        with (folder / f"lun{lun}.img").open("wb") as image:
            image.truncate(layout.lun_mib << 20)


def export_luns(layout: Layout, storage: Host) -> None:
    """Wait for tgtd, then export every image as a LUN that any initiator may log in to.

    Raises:
        RuntimeError: The target (tgtd) does not answer, or refuses.
    """
    limit = time.monotonic() + _START_LIMIT
    while (result := _tgtadm(storage, "target", "show")).returncode:
        if time.monotonic() > limit:
            raise RuntimeError(f"tgtd does not answer: {result.stderr.strip()}")
        time.sleep(0.05)
    _must(_tgtadm(storage, "target", "new", "--tid", "1", "--targetname", TARGET))
    for lun in range(1, layout.luns + 1):
        options = ("--tid", "1", "--lun", str(lun), "--backing-store", f"/srv/lun{lun}.img")
        _must(_tgtadm(storage, "logicalunit", "new", *options))
    _must(_tgtadm(storage, "target", "bind", "--tid", "1", "--initiator-address", "ALL"))


def _tgtadm(
    storage: Host, mode: str, operation: str, *options: str
) -> subprocess.CompletedProcess[str]:
    command = ["nsenter", "--target", str(storage.pid), "--mount", "--root", "--net", "tgtadm"]
    command += ["--lld", "iscsi", "--mode", mode, "--op", operation, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _must(result: subprocess.CompletedProcess[str]) -> None:
    if result.returncode:
        raise RuntimeError(f"{' '.join(result.args)}: {result.stderr.strip()}")
