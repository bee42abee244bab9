"""What Vagrant runs in the lab's machines, on a node of a rig: real bash, systemd, pcs and pip.

Programs that only record how they were called are those whose packages the rig's tree does not
have, and those that need modules of a kernel of one's own.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.rig.copying import copy
from vagrant.common.building import CHECKOUT
from vagrant.common.debian import LOCK
from vagrant.common.disks import TARGET
from vagrant.common.wheel import wheel_of_checkout
from vagrant.lab.place import CHAP_SECRET_FILE, SBD_TARGET
from vagrant.one_machine.rig import OneMachineRig

_PROVISION = CHECKOUT / "vagrant/provision"
_CALLS = "/root/calls"
_UNIT = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
_WANTED = "[Install]\nWantedBy=multi-user.target\n"
_RECORD = f'echo "$(basename "$0") $*" >>{_CALLS}\n'

#: Instead of a package that brings them.
_FILES = {
    "/etc/iscsi/iscsid.conf": "node.session.timeo.replacement_timeout = 120\n",
    "/etc/systemd/system/iscsid.service": _UNIT + _WANTED,
    "/etc/systemd/system/open-iscsi.service": _UNIT + _WANTED,
    "/etc/systemd/system/rtslib-fb-targetctl.service": _UNIT + _WANTED,
    "/etc/systemd/system/postgresql.service": _UNIT + _WANTED,
}
_PROGRAMS = {
    "/usr/local/bin/apt-get": _RECORD,
    "/usr/local/bin/iscsiadm": _RECORD,
    "/usr/local/bin/drbdadm": _RECORD + '[ "$1" != dump-md ]\n',
    "/usr/local/bin/modinfo": "echo 8.4.11\n",
    "/sbin/losetup": _RECORD,
    # Takes commands from standard input, and makes the folders that the kernel would make.
    "/usr/local/bin/targetcli": f"""{_RECORD}
[ $# = 0 ] || exit 0
tee /root/targetcli | while read -r path verb rest; do
    case "$path $verb" in
    /iscsi/*/acls/*" create")
        iqn=${{path#/iscsi/}}; lun=${{rest#mapped_lun=}}
        cd /sys/kernel/config/target
        mkdir -p "iscsi/${{iqn%%/*}}/tpgt_1/acls/${{path##*/}}/lun_${{lun%% *}}"
    esac
done
""",
}


@pytest.fixture(scope="module")
def machine() -> Iterator[Callable[..., str]]:
    """Runs a command on a node that is as Vagrant's box is before it is provisioned."""
    rig = OneMachineRig("test-lab-files")
    rig.down()
    try:
        rig.up(nodes=2, say=print)

        def run(*command: str) -> str:
            return rig.run("node1", *command, check=True).stdout

        run("useradd", "--create-home", "vagrant")
        run(
            "install",
            "-d",
            "/home/vagrant/.ssh",
            "/home/vagrant/takeover",
            "/etc/drbd.d",
            "/etc/iscsi",
        )
        run("rm", "-f", *(path for path in _FILES if path.endswith(".service")))
        home = {
            ".ssh/authorized_keys": "ssh-ed25519 AAAA key\n",
            "takeover/requirements.lock": LOCK.read_text(),
            "takeover/attach-lun": (_PROVISION / "attach-lun").read_text(),
            "takeover/watch-mounts": (_PROVISION / "watch-mounts").read_text(),
        }
        for path, text in (
            _FILES | {f"/home/vagrant/{name}": text for name, text in home.items()}
        ).items():
            rig.write("node1", path, text)
        run("systemctl", "enable", "--now", "postgresql")  # as its package does
        for path, text in _PROGRAMS.items():
            rig.write("node1", path, f"#!/bin/sh\n{text}")
            run("chmod", "0755", path)
        for script in _PROVISION.glob("*.sh"):
            rig.write("node1", f"/root/{script.name}", script.read_text())
        run("mount", "-t", "tmpfs", "none", "/sys/kernel")
        run("mkdir", "-p", "/sys/kernel/config/target")
        rig.write("node1", "/sys/kernel/config/target/dbroot", "/root/dbroot\n")
        wheel = wheel_of_checkout()
        copy(rig, "node1", wheel, f"/home/vagrant/takeover/{wheel.name}")
        yield run
    finally:
        rig.down()


@pytest.fixture(scope="module")
def provisioned(machine: Callable[..., str]) -> Callable[..., str]:
    """The node after all scripts, as the Vagrantfile calls them: twice, as provisioning may be."""
    nodes = ("node1=198.51.100.11", "node2=198.51.100.12")
    for _ in range(2):
        machine("sh", "-c", "umask 077; echo 0123456789abcdef >/home/vagrant/chap.secret")
        machine("bash", "/root/base.sh", "node1", *nodes)
        machine("bash", "/root/takeover.sh")
        machine("bash", "/root/node.sh", "203.0.113.129")
        machine("bash", "/root/mirror.sh", "node1=203.0.113.11", "node2=203.0.113.12")
        machine(
            "bash", "/root/storage.sh", "203.0.113.129,203.0.113.1", "2", "64", "node1", "node2"
        )
    return machine


def test_names_and_secret(provisioned: Callable[..., str]) -> None:
    """Nodes know each other without a name server; the secret is root's alone, and in one place."""
    assert provisioned("cat", "/etc/hosts").splitlines()[2:] == [
        "198.51.100.11 node1",
        "198.51.100.12 node2",
    ]
    assert provisioned("stat", "-c", "%a %U", CHAP_SECRET_FILE) == "600 root\n"
    assert provisioned("sh", "-c", "ls /home/vagrant") == "takeover\n"
    assert provisioned("cat", "/root/.ssh/authorized_keys") == "ssh-ed25519 AAAA key\n"


def test_takeover_is_installed(provisioned: Callable[..., str]) -> None:
    """From its wheel, with its agents; the cluster starts the application, and nobody else."""
    assert provisioned("takeover", "--version").startswith("takeover, version ")
    assert "filesystem" in provisioned("ls", "/usr/lib/ocf/resource.d/takeover")
    state = ("systemctl", "show", "--value", "--property", "UnitFileState,ActiveState")
    assert provisioned(*state, "postgresql").split() == ["inactive", "disabled"]
    asked = [line for line in provisioned("cat", _CALLS).splitlines() if "install" in line]
    # What is not here already, and nothing that is only recommended.
    assert (
        "apt-get --quiet=2 install --yes --no-install-recommends sbd open-iscsi fence-agents"
        in asked[0]
    )


def test_the_initiator_is_ready(provisioned: Callable[..., str]) -> None:
    """CHAP and a time limit, once, in a file that root alone reads; SBD's session at every boot."""
    conf = provisioned("cat", "/etc/iscsi/iscsid.conf")
    assert conf.count("node.session.auth.password = 0123456789abcdef\n") == 1
    assert conf.count("replacement_timeout") == 1
    assert provisioned("stat", "-c", "%a", "/etc/iscsi/iscsid.conf") == "600\n"
    assert provisioned("systemctl", "is-active", "pcsd", "takeover-watchdog") == "active\nactive\n"
    assert provisioned("systemctl", "is-enabled", "open-iscsi") == "enabled\n"
    sbd = f"iscsiadm --mode node --targetname {SBD_TARGET} --portal 203.0.113.129"
    calls = provisioned("cat", _CALLS)
    assert f"{sbd} --op update -n node.startup -v automatic\n" in calls
    assert f"{sbd} --login\n" in calls
    assert "0123456789abcdef" not in calls
    for program in ("attach-lun", "watch-mounts"):
        provisioned("test", "-x", f"/usr/local/lib/takeover-rig/{program}")


def test_the_target_is_described(provisioned: Callable[..., str]) -> None:
    """Each disk for each node, on both paths; the secret goes by standard input."""
    told = provisioned("cat", "/root/targetcli").splitlines()
    tpg = f"/iscsi/{TARGET}/tpg1"
    for address in ("203.0.113.129", "203.0.113.1"):
        assert f"{tpg}/portals create {address} 3260" in told
    for node in ("node1", "node2"):
        acl = f"{tpg}/acls/{TARGET.rpartition(':')[0]}:{node}"
        for lun in (1, 2):
            assert f"{acl} create mapped_lun={lun} tpg_lun_or_backstore=lun{lun}" in told
        assert f"{acl} set auth userid=takeover password=0123456789abcdef" in told
    assert told[-1] == "saveconfig"
    assert provisioned("stat", "-c", "%s", "/srv/luns/lun2") == f"{64 * 2**20}\n"


def test_the_mirror_is_described(provisioned: Callable[..., str]) -> None:
    """A resource between the two nodes, whose metadata is made once."""
    resource = provisioned("cat", "/etc/drbd.d/mirror.res")
    for line in (
        "on node1 { address 203.0.113.11:7789; }",
        "on node2 { address 203.0.113.12:7789; }",
        "disk { c-min-rate 20M; fencing resource-and-stonith; }",
        'fence-peer "/usr/lib/drbd/crm-fence-peer.sh";',
    ):
        assert f"    {line}\n" in resource
    calls = provisioned("cat", _CALLS)
    assert "losetup --direct-io=on /dev/loop7 /srv/mirror.img\n" in calls
    assert "drbdadm create-md --force mirror\n" in calls
