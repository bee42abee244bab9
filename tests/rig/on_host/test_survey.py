"""What resources shall have and somebody else has: real disks, addresses, ports, mount points."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import Node, run
from tests.rig.on_host.disks import image, loop

SITE = "site-filesystem"
IP = "198.51.100.7"


def resource(name: str, agent: str, **parameters: str) -> dict[str, Any]:
    """Return a resource of the service that its name begins with."""
    service = name.partition("-")[0]
    return {
        "id": name,
        "service": service,
        "agent": f"ocf:takeover:{agent}",
        "parameters": parameters,
    }


def asked(name: str, agent: str, **parameters: str) -> dict[str, Any]:
    """Return a resource that is new."""
    return resource(name, agent, **parameters) | {"asked": True}


def survey(node: Node, *resources: dict[str, Any], **parameters: str) -> list[str]:
    """Return what the node finds taken."""
    question = base64.b64encode(zlib.compress(json.dumps(resources).encode())).decode()
    done = node.run(
        *(str(node.agent("survey")), "monitor"),
        check=False,
        HA_RSCTMP=str(node.state),
        OCF_RESOURCE_INSTANCE="takeover-survey",
        OCF_RESKEY_question=question,
        OCF_RESKEY_number="1",
        **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
    )
    assert done.returncode == Code.NOT_RUNNING, done.stderr
    answer = json.loads(done.stdout)
    assert answer["number"] == "1"
    return [f"{each['kind']}: {each['message']}" for each in answer["conflicts"]]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[str]:
    """Return a block device with an ext4 filesystem that has a label."""
    with loop(image(tmp_path / "disk.img", "mkfs.ext4", "-q", "-L", f"t{os.getpid()}")) as device:
        yield device


@pytest.fixture
def site(node: Node, disk: str, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Return a filesystem that runs, as the question has it."""
    given = {"device": disk, "directory": str(tmp_path / "site"), "fstype": "ext4"}
    name = {"OCF_RESOURCE_INSTANCE": SITE}
    assert node.act("filesystem", "start", name, **given) == (0, "")
    yield resource(SITE, "filesystem", **given)
    assert node.act("filesystem", "stop", name, **given)[0] == Code.SUCCESS


def _names(disk: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield parameters that name a disk: its path, links, tags, the image behind it."""
    link = tmp_path / "link"
    link.symlink_to(disk)
    found = run("blkid", "-o", "export", disk).stdout.splitlines()
    tags = dict(line.split("=", 1) for line in found if "=" in line)
    yield {"device": disk}
    yield {"device": str(link)}
    yield {"device": f"/dev/../{disk}"}
    yield {"device": f"UUID={tags['UUID']}"}
    yield {"device": f"LABEL={tags['LABEL']}"}
    yield {"device": f"-L {tags['LABEL']}"}
    yield {"device": f"{tmp_path}/disk.img", "options": "loop"}


def test_a_disk_is_known_by_all_its_names(
    node: Node, disk: str, site: dict[str, Any], tmp_path: Path
) -> None:
    """Whether the other service is there in the configuration, or only has it mounted."""
    for names in _names(disk, tmp_path):
        new = asked("new-filesystem", "filesystem", directory="/srv/new", **names)
        conflict = f"disk: {names['device']} is the disk of {SITE} of site"
        assert survey(node, new, site) == [conflict], names
        [said] = survey(node, new)
        assert said.startswith(f"disk: {names['device']} is mounted on {tmp_path}/site"), names
        assert survey(node, site, new | {"asked": False}) == []


def test_only_names_are_compared_on_a_machine_that_only_checks(
    node: Node, disk: str, site: dict[str, Any]
) -> None:
    """What is in use by the very service that is described is no conflict."""
    new = asked("new-filesystem", "filesystem", directory="/srv/new", device=disk)
    assert survey(node, new, names_only="true") == []
    assert len(survey(node, new, site, names_only="true")) == 1


def test_a_lun_is_the_same_by_whatever_portal(node: Node) -> None:
    """The target's name is unique in the world, and its case makes no difference."""
    lun = {"target": "iqn.2026-11.com.example:a", "lun": "1", "directory": "/srv/a"}
    other = {"target": "iqn.2026-11.com.EXAMPLE:a", "lun": "1", "directory": "/srv/b"}
    here = resource("a-filesystem", "filesystem", portal="198.51.100.1:3260", **lun)
    new = asked("b-filesystem", "filesystem", portal="[2001:db8::1]:3261", **other)
    assert survey(node, new, here) == [
        "disk: LUN 1 of iqn.2026-11.com.EXAMPLE:a is the disk of a-filesystem of a"
    ]
    new["parameters"]["lun"] = "2"
    assert survey(node, new, here) == []


def test_a_folder_of_another_services_disk_is_not_bound(
    node: Node, site: dict[str, Any], tmp_path: Path
) -> None:
    """It would keep that disk busy; the same service, or one that runs with it, may."""
    node.run("mkdir", f"{tmp_path}/site/data")
    bind = {"device": f"{tmp_path}/site/data", "options": "bind", "directory": "/srv/data"}
    new = asked("new-filesystem", "filesystem", **bind)
    assert survey(node, new, site) == [
        f"disk: {tmp_path}/site/data is on the disk of {SITE} of site, which is mounted on "
        f"{tmp_path}/site"
    ]
    assert survey(node, new | {"service": "site"}, site) == []
    assert survey(node, new | {"beside": ["site"]}, site) == []


def test_mount_points_are_compared_without_links(
    node: Node, site: dict[str, Any], tmp_path: Path
) -> None:
    """The same folder, one above and one below, by whatever name."""
    (tmp_path / "alias").symlink_to(tmp_path / "site")
    for directory, word in (
        (f"{tmp_path}/site", "is the mount point of"),
        (f"{tmp_path}/alias", "is the mount point of"),
        (f"{tmp_path}/site/below", "is below"),
        (f"{tmp_path}/alias/below", "is below"),
        (str(tmp_path), "would hide"),
    ):
        new = asked("new-filesystem", "filesystem", device="none", fstype="tmpfs")
        new["parameters"]["directory"] = directory
        [said] = survey(node, new, site)
        assert word in said, (directory, said)
        assert said.startswith("directory: ")


def test_what_is_mounted_there_by_hand_is_told(node: Node, disk: str, tmp_path: Path) -> None:
    """On the mount point and below; but not its own disk, which is as it shall be."""
    folder = f"{tmp_path}/mnt"
    node.run("mkdir", "-p", folder)
    new = asked("new-filesystem", "filesystem", device=disk, directory=folder)
    assert survey(node, new) == []
    node.run("mount", disk, folder)
    assert survey(node, new) == []
    node.run("umount", folder)
    node.run("mount", "-t", "tmpfs", "none", folder)
    assert survey(node, new) == [f"directory: none is mounted on {folder} (not by the cluster)"]
    assert survey(node, new | {"nodes": ["another"]}) == []
    node.run("umount", folder)


def test_a_disk_that_the_kernel_uses_otherwise(node: Node, tmp_path: Path) -> None:
    """As swap space, for example."""
    with loop(image(tmp_path / "swap.img", "mkswap")) as swap:
        run("swapon", swap)
        try:
            new = asked("new-filesystem", "filesystem", device=swap, directory="/srv/new")
            assert survey(node, new) == [f"disk: {swap} is in use by the kernel"]
        finally:
            run("swapoff", swap)


def test_a_disk_of_sbd(node: Node, disk: str, tmp_path: Path) -> None:
    """Its header would be overwritten."""
    (tmp_path / "sbd").write_text(f'SBD_PACEMAKER=yes\nSBD_DEVICE="/dev/null;{disk}"\n')
    created = not Path("/etc/default/sbd").exists()
    Path("/etc/default/sbd").touch()
    node.run("mount", "--bind", f"{tmp_path}/sbd", "/etc/default/sbd")
    try:
        new = asked("new-filesystem", "filesystem", device=disk, directory="/srv/new")
        assert survey(node, new) == [f"disk: {disk} is a disk of SBD ({disk})"]
    finally:
        node.run("umount", "/etc/default/sbd")
        if created:
            Path("/etc/default/sbd").unlink()


def test_addresses_are_compared_as_bytes(node: Node) -> None:
    """However they are written, in the configuration and on the node."""
    node.run(*"ip link add eth0 type veth peer name eth1".split())
    node.run("ip", "address", "add", "2001:db8::7/64", "dev", "eth0", "nodad")
    here = resource("site-address", "ip", ip="2001:db8:0:0::9", addresses=f"{IP}/24")
    for written in ("2001:DB8::9", f"::ffff:{IP}", IP):
        [said] = survey(node, asked("new-address", "ip", ip=written), here)
        assert said.endswith("is the address of site-address of site"), written
    new = asked("new-address", "ip", ip="2001:db8:0::0:7")
    assert survey(node, new, here) == [
        "address: 2001:db8::7 is an address of eth0 already, not by the cluster"
    ]


def test_a_port_that_somebody_listens_on(node: Node) -> None:
    """Of another service or outside of the cluster; at an address that the check asks."""
    program = "import socket, time; s = socket.create_server(('127.0.0.1', 8080)); time.sleep(600)"
    given = {"binfile": "/usr/bin/python3", "cmdline_options": f'-c "{program}"'}
    name = {"OCF_RESOURCE_INSTANCE": "site-app"}
    started = {**given, "ready": "tcp:127.0.0.1:8080"}
    assert node.act("app", "start", name, **started)[0] == Code.SUCCESS
    try:
        new = asked("new-app", "app", ready="tcp:localhost:8080")
        here = resource("site-app", "app", **started)
        [said] = survey(node, new, here)
        assert said.startswith("port: port 8080 is in use by site-app of site, python3 (")
        [said] = survey(node, new)
        assert said.startswith("port: port 8080 is in use by python3 (")
        assert survey(node, new | {"nodes": ["another"]}) == []
        assert survey(node, new | {"apart": ["site"]}, here) == []
        assert survey(node, new, here | {"leaves": True}) == []
        assert survey(node, here | {"asked": True}) == []
        for other in ("tcp:127.0.0.1:8081", "tcp:127.0.0.2:8080", "tcp:[::1]:8080"):
            assert survey(node, asked("new-app", "app", ready=other), here) == [], other
    finally:
        assert node.act("app", "stop", name, **started)[0] == Code.SUCCESS


def test_a_survey_is_never_running(node: Node) -> None:
    """A stop has nothing to do, and a start is refused."""
    given = {"question": "x", "number": "1"}
    assert node.act("survey", "stop", **given) == (0, "")
    assert node.act("survey", "start", **given)[0] == Code.ERR_CONFIGURED
    assert "no question" in node.act("survey", "monitor", **given)[1]


def test_it_takes_little_time(node: Node, disk: str, site: dict[str, Any]) -> None:
    """A question of a thousand resources, on a machine with other work."""
    many = [
        resource(f"s{number}-address", "ip", ip=f"2001:db8::1:{number:x}") for number in range(1000)
    ]
    new = [
        asked("new-filesystem", "filesystem", device=disk, directory="/srv/new"),
        asked("new-address", "ip", ip=IP),
        asked("new-app", "app", ready="tcp:127.0.0.1:8080"),
    ]
    begin = time.monotonic()
    assert len(survey(node, *new, site, *many)) == 1
    assert time.monotonic() - begin < 2


@pytest.fixture
def configured(node: Node, tmp_path: Path) -> None:
    """Configure that other resources, of other agents, have a mount point and an address."""
    cib = tmp_path / "cib.xml"
    cib.write_text(
        "<cib><configuration><resources><group id='site'>"
        "<primitive id='site-fs'><instance_attributes>"
        f"<nvpair name='directory' value='{tmp_path}/theirs'/>"
        "</instance_attributes></primitive>"
        "<primitive id='beside'/>"
        f"<primitive id='site-ip'><instance_attributes><nvpair name='ip' value='{IP}'/>"
        "</instance_attributes></primitive></group></resources></configuration></cib>"
    )
    path = Path("/var/lib/pacemaker/cib/cib.xml")
    path.parent.mkdir(parents=True, exist_ok=True)
    node.run("mount", "-t", "tmpfs", "none", str(path.parent))
    node.run("cp", str(cib), str(path))


@pytest.mark.usefixtures("configured")
def test_a_failed_probe_takes_no_disk_of_another_resource(
    node: Node, disk: str, tmp_path: Path
) -> None:
    """Whatever agent that resource has: the probe tells, and the stop touches nothing."""
    node.run("mkdir", f"{tmp_path}/theirs")
    node.run("mount", disk, f"{tmp_path}/theirs")
    holder = subprocess.Popen([*node.enter, "sh", "-c", f"cd {tmp_path}/theirs; exec sleep 600"])
    given = {"device": disk, "directory": f"{tmp_path}/mnt"}
    code, said = node.act("filesystem", "monitor", **given)
    assert (
        code == Code.ERR_CONFIGURED
    )  # else it would be started on another node, and mounted twice
    assert f"the disk is that of site-fs, mounted on {tmp_path}/theirs" in said
    assert node.act("filesystem", "stop", **given) == (0, "")
    assert f"{tmp_path}/theirs" in node.run("cat", "/proc/mounts").stdout
    assert holder.poll() is None
    holder.kill()
    holder.wait()
    # A second mount beside it, on the same node, is nobody's mistake.
    beside = {"OCF_RESOURCE_INSTANCE": "beside"}
    assert node.act("filesystem", "monitor", beside, **given)[0] == Code.NOT_RUNNING


def test_a_failed_probe_takes_no_disk_that_ours_has(
    node: Node, disk: str, site: dict[str, Any], tmp_path: Path
) -> None:
    """The same of a resource of our own agent."""
    given = {"device": disk, "directory": f"{tmp_path}/mnt"}
    code, said = node.act("filesystem", "monitor", **given)
    assert code == Code.ERR_CONFIGURED
    assert f"the disk is that of {SITE}" in said
    assert node.act("filesystem", "stop", **given) == (0, "")
    assert node.act(
        "filesystem", "monitor", {"OCF_RESOURCE_INSTANCE": SITE}, **site["parameters"]
    ) == (0, "")


@pytest.mark.usefixtures("configured")
def test_a_failed_probe_takes_no_address_of_another_resource(node: Node) -> None:
    """It is not running here only because the address is here."""
    node.run(*"ip link add eth0 type veth peer name eth1".split())
    node.run("ip", "link", "set", "eth0", "up")
    node.run("ip", "address", "add", f"{IP}/24", "dev", "eth0")
    code, said = node.act("ip", "monitor", ip=IP)
    assert code == Code.ERR_CONFIGURED
    assert f"{IP} is already of site-ip" in said
    assert node.act("ip", "stop", ip=IP, kill_connections_on_stop="true")[0] == Code.SUCCESS
    assert IP in node.run("ip", "address").stdout
