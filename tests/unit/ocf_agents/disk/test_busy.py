"""What keeps a filesystem busy without a process, from files as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocf_agents.disk.busy import kernel
from ocf_agents.runtime import mountinfo


def test_each_of_the_kernels_own_users_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Swap, loop devices, NFS exports and LUNs of LIO, and only those below the mount point."""
    swaps, exports = tmp_path / "swaps", tmp_path / "exports"
    swaps.write_text(
        "Filename\t\t\t\tType\t\tSize\n"
        "/srv/shop/my\\040swap                   file\t\t1024\t0\t-2\n"
        "/srv/shopping/swap file\t\t1024\t0\t-2\n"
    )
    exports.write_text("# Version 1.1\n/srv/shop\t*(rw)\n/srv/shop/a\\040b\t*(ro)\n/home\t*(rw)\n")
    for name, path in (("loop0", "/srv/shop/disk.img"), ("loop1", "/srv/other/disk.img")):
        (tmp_path / f"block/{name}/loop").mkdir(parents=True)
        (tmp_path / f"block/{name}/loop/backing_file").write_text(f"{path}\n")
    lun = tmp_path / "kernel/config/target/core/fileio_0/web"
    lun.mkdir(parents=True)
    (lun / "udev_path").write_text("/srv/shop/lun.img\n")
    monkeypatch.setattr(kernel, "SWAPS", str(swaps))
    monkeypatch.setattr(kernel, "EXPORTS", str(exports))
    monkeypatch.setattr(mountinfo, "SYSFS", str(tmp_path))
    assert kernel.users(["/srv/shop"]) == [
        "the swap file /srv/shop/my swap (swapoff)",
        "the loop device loop0 of /srv/shop/disk.img (losetup --detach)",
        "the NFS export of /srv/shop (exportfs -u)",
        "the NFS export of /srv/shop/a b (exportfs -u)",
        "the LUN web of /srv/shop/lun.img (targetcli)",
    ]


@pytest.mark.parametrize(
    ("options", "there"),
    [
        ("rw,lowerdir=/usr,upperdir=/srv/shop/u,workdir=/srv/shop/w", True),
        ("ro,lowerdir=/usr:/srv/shop/a\\040b", True),
        ("ro,lowerdir=/usr:/srv/shop", True),
        ("ro,lowerdir+=/srv/shop/x", True),
        ("ro,lowerdir=/usr:/srv/shopping", False),
    ],
)
def test_an_overlay_is_known_by_its_layers(options: str, there: bool) -> None:
    """Each of them, however they are given."""
    line = f"40 1 0:50 / /x rw - overlay over {options}"
    assert kernel.has_layer_in(mountinfo.Mount(line), ["/srv/shop"]) is there


def test_the_layers_of_what_is_no_overlay_are_only_words() -> None:
    """Any filesystem may have an option with such a name."""
    line = "40 1 0:50 / /x rw - tmpfs over rw,lowerdir=/srv/shop"
    assert not kernel.has_layer_in(mountinfo.Mount(line), ["/srv/shop"])
