"""A lab that is put back to where it was, without being made anew."""

from tests.vagrant.conftest import measured
from vagrant.common.networks import Link
from vagrant.lab.rig import LabRig


def test_a_lab_goes_back_to_where_it_was(lab: LabRig) -> None:
    """Disks, memory, sessions and cables: machines go on as if nothing had happened since."""
    lab.run("node1", "touch", "/root/before", check=True)
    boot = lab.run("node1", "cat", "/proc/sys/kernel/random/boot_id").stdout
    with measured("a snapshot of all machines"):
        lab.save("clean")
    lab.run("node1", "rm", "/root/before", check=True)
    lab.run("storage", "touch", "/root/after", check=True)
    lab.cut("node2", [Link.STORAGE])
    lab.power("node3", "off")
    with measured("back to the snapshot"):
        lab.restore("clean")
    assert lab.run("node1", "test", "-e", "/root/before").returncode == 0
    assert lab.run("storage", "test", "-e", "/root/after").returncode != 0
    assert lab.run("node1", "cat", "/proc/sys/kernel/random/boot_id").stdout == boot
    status = lab.status()["nodes"]
    assert [(node["power"], node["cut"]) for node in status.values()] == [("on", [])] * 3
    for node in lab.layout.node_names:
        # SBD's disk, through a session that began before the snapshot.
        read = ("dd", f"if={lab.layout.sbd_device}", "of=/dev/null", "bs=4096", "count=1")
        assert lab.run(node, *read, "iflag=direct").returncode == 0
