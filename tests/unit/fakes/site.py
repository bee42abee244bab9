"""A machine at which a cluster may begin: its network and disks, and programs that tell of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.network import Netlink
from pcs_wrapper.machine.runner import Result, Runner

_AF_INET, _AF_INET6 = 2, 10
_UP, _LOOPBACK, _RUNNING = 0x1, 0x8, 0x40
PERMANENT = 0x80

#: What fence agents say of themselves, shortened.
APC = """<resource-agent name="fence_apc" shortdesc="Fence agent for APC over telnet/ssh">
<parameters>
<parameter name="action" required="1"><content type="string" default="reboot"/></parameter>
<parameter name="ip" required="1"><content type="string"/>
 <shortdesc>IP address or hostname of fencing device</shortdesc></parameter>
<parameter name="ipaddr" required="1" deprecated="1"><content type="string"/></parameter>
<parameter name="password" required="0"><content type="string"/></parameter>
<parameter name="password_script" required="0"><content type="string"/>
 <shortdesc>Script to run to retrieve password</shortdesc></parameter>
<parameter name="plug" required="1"><content type="string"/></parameter>
<parameter name="port" required="1" deprecated="1"><content type="string"/></parameter>
<parameter name="username" required="1"><content type="string"/>
 <shortdesc>Login name</shortdesc></parameter>
</parameters></resource-agent>"""
IPMI = APC.replace("fence_apc", "fence_ipmilan").replace("APC over telnet/ssh", "IPMI")
IPMI = IPMI.replace('name="plug" required="1"', 'name="plug" required="0"')
RIG = '<resource-agent name="fence_rig" shortdesc="A switch"><parameters/></resource-agent>'


class _Message(dict[str, Any]):
    """A message of the kernel's, as pyroute2 gives it."""

    def get_attr(self, name: str) -> Any:
        """Return an attribute; None if the message has none of that name."""
        return self["attrs"].get(name)


@dataclass
class Interface:
    """A network interface.

    Attributes:
        name: Its name.
        addresses: Its addresses with their prefix lengths, each with its flags.
        flags: Its own flags.
        scope: The scope of its addresses.
    """

    name: str
    addresses: Mapping[str, int]
    flags: int = _UP | _RUNNING
    scope: int = 0


@dataclass(repr=False)
class Site(Runner):
    """A runner whose programs find this machine.

    Attributes:
        root: The folder in which the machine's file systems begin.
        interfaces: The network interfaces.
        answers: What programs print, by their commands' first words.
        listening: The addresses at which pcsd answers.
        calls: All commands that were run.
        told: What programs were given on their standard input.
    """

    root: Path
    interfaces: list[Interface] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    listening: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def machine(self, **others: Any) -> Machine:
        """Return the machine."""
        usual: dict[str, Any] = {
            "runner": self,
            "root": self.root,
            "netlink": self._netlink,
            "listens": lambda address, port: port == 2224 and address in self.listening,
            "corosync_conf": self.root / "etc/corosync/corosync.conf",
            "host": "node1",
            "now": lambda: datetime(2026, 11, 24, 20, 0, tzinfo=UTC),
        }
        return Machine(**(usual | others))

    def file(self, path: str, text: str = "") -> Path:
        """Make a file of the machine's."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link of the machine's."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)

    def has_agent(self, name: str, metadata: str) -> None:
        """Install a fence agent."""
        self.file(f"usr/sbin/{name}")
        self.answers[name] = metadata

    def has_disks(self, *devices: Mapping[str, Any]) -> None:
        """Say what lsblk tells."""
        self.answers["lsblk"] = json.dumps({"blockdevices": devices})

    def has_units(self, **units: str) -> None:
        """Say which services run, each with its description."""
        told = [{"unit": f"{name}.service", "description": units[name]} for name in units]
        self.answers["systemctl list-units"] = json.dumps(told)

    def find(self, program: str) -> str | None:
        """Find only what has an answer."""
        known = any(each.split()[0] == program for each in self.answers)
        return f"/usr/sbin/{program}" if known else None

    def execute(self, command: tuple[str, ...], *, stdin: str, timeout: float) -> Result:  # noqa: ARG002
        """Answer as the real program does."""
        shown = shlex.join(command)
        self.calls.append(shown)
        self.told.append(stdin)
        found = [
            text for words, text in self.answers.items() if f"{shown} ".startswith(f"{words} ")
        ]
        return Result(0, found[0], "") if found else Result(2, "", "not known")

    def _netlink(self) -> AbstractContextManager[Netlink]:
        return _opened(self.interfaces)


@contextmanager
def _opened(interfaces: list[Interface]) -> Iterator[Netlink]:
    yield _Netlink(interfaces)


class _Netlink:
    """A connection to the kernel."""

    def __init__(self, interfaces: list[Interface]) -> None:
        self._interfaces = interfaces

    def get_links(self) -> Iterator[_Message]:
        """Return a message for each interface."""
        for index, each in enumerate(self._interfaces):
            yield _Message(index=index, flags=each.flags, attrs={"IFLA_IFNAME": each.name})

    def get_addr(self) -> Iterator[_Message]:
        """Return a message for each address."""
        for index, each in enumerate(self._interfaces):
            for written, flags in each.addresses.items():
                address, _, length = written.partition("/")
                is_old = "." in address
                attrs: dict[str, Any] = {"IFA_ADDRESS": address, "IFA_FLAGS": flags}
                yield _Message(
                    index=index,
                    family=_AF_INET if is_old else _AF_INET6,
                    prefixlen=int(length),
                    scope=each.scope,
                    flags=flags & 0xFF,
                    attrs=attrs | ({"IFA_LOCAL": address} if is_old else {}),
                )


def two_networks(root: Path) -> Site:
    """Return a machine that is in two networks, with a disk of a portal's and a power switch."""
    site = Site(
        root,
        [
            Interface("lo", {"127.0.0.1/8": PERMANENT}, _UP | _RUNNING | _LOOPBACK),
            Interface("eth0", {"198.51.100.11/24": PERMANENT, "2001:db8::11/64": PERMANENT}),
            Interface("eth1", {"203.0.113.11/24": PERMANENT}),
        ],
    )
    site.answers["getent ahosts node2"] = "198.51.100.12  STREAM node2\n198.51.100.12  DGRAM\n"
    site.answers["getent ahosts node3"] = "198.51.100.13 STREAM\n203.0.113.13 STREAM\n"
    site.listening = {"198.51.100.12", "198.51.100.13"}
    site.has_agent("fence_apc", APC)
    site.has_units(nginx="A web server", **{"systemd-journald": "Journal", "ssh": "OpenSSH"})
    site.has_disks(
        {
            "kname": "/dev/sda", "type": "disk", "size": 10**10, "fstype": None, "uuid": None,
            "mountpoints": [None], "tran": "sata", "model": "Local",
            "children": [
                {"kname": "/dev/sda1", "type": "part", "size": 10**10, "fstype": "ext4",
                 "uuid": "1-2", "mountpoints": ["/"], "tran": None, "model": None},
            ],
        },
        {
            "kname": "/dev/sdb", "type": "disk", "size": 2**30, "fstype": "xfs", "uuid": "3-4",
            "mountpoints": [None], "tran": "iscsi", "model": "LIO disk ",
        },
    )  # fmt: skip
    site.link("dev/disk/by-id/wwn-0x6001405", "../../sdb")
    site.link("dev/disk/by-id/scsi-36001405", "../../sdb")
    site.link(
        "dev/disk/by-path/ip-203.0.113.129:3260-iscsi-iqn.2026-11.example.com:shop-lun-1",
        "../../sdb",
    )
    return site
