"""What the rig puts on its nodes beside the root tree: Takeover's wheel, and its own programs.

All of it goes into one layer of the nodes' root file systems, made anew for each rig.
"""

import json
import shutil
import subprocess
import uuid
from pathlib import Path

from vagrant.common.disks import ATTACH_PROGRAM
from vagrant.common.kernel import mount
from vagrant.common.networks import CLUSTER_LINKS
from vagrant.one_machine.host import Host
from vagrant.one_machine.layout import Layout

NODE_FILES = Path(__file__).with_name("node_files")

#: Paths in a node.
FENCE_AGENT = "usr/sbin/fence_takeover_rig"
FENCE_SOCKET = "/run/takeover-rig/fence.sock"


def layer_dir(layout: Layout) -> Path:
    """Return the layer's folder."""
    return layout.private_dir / "layer/upper"


def build_layer(layout: Layout) -> None:
    """Make the layer: install the wheel with the tree's own pip, add the rig's programs."""
    base = layout.private_dir / "layer"
    root = base / "root"
    for folder in ("upper", "work", "root"):
        (base / folder).mkdir(parents=True)
    options = f"lowerdir={layout.tree},upperdir={base}/upper,workdir={base}/work"
    mount("overlay", root, "overlay", data=options)
    wheel = Path(layout.wheel)
    shutil.copy(wheel, root / "opt" / wheel.name)
    pip = ["chroot", str(root), "/opt/takeover/bin/pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", f"/opt/{wheel.name}"], check=True)
    programs = {
        "fence_takeover_rig": FENCE_AGENT,
        "attach-lun": ATTACH_PROGRAM.lstrip("/"),
        "modprobe": "usr/sbin/modprobe",
    }
    for name, target in programs.items():
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        (root / target).unlink(missing_ok=True)
        shutil.copy(NODE_FILES / name, root / target)
        (root / target).chmod(0o755)
    hosts = [f"{layout.node_address(node, CLUSTER_LINKS[0])} {node}" for node in layout.host_names]
    (root / "etc/hosts").write_text("\n".join(["127.0.0.1 localhost", "::1 localhost", *hosts, ""]))
    subprocess.run(["umount", str(root)], check=True)


def prepare_disk(node: Host) -> None:
    """Write what differs from host to host: its name, and which loop device is which LUN."""
    etc = node.disk / "upper/etc"
    (etc / "takeover-rig").mkdir(parents=True)
    (etc / "hostname").write_text(f"{node.name}\n")
    # Without one, systemd takes the boot for the first one ever and enables every unit there is.
    (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    luns = {str(lun): number for lun, number in enumerate(node.loops, start=1)}
    (etc / "takeover-rig/luns.json").write_text(json.dumps(luns))
