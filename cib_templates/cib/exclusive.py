"""What only one resource may have at a time: disks, mount points, addresses, by any agent.

Takeover's own agents say it by their parameters, and the stock agents by theirs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cib_templates.cib import identity

Kind = Literal["device", "lun", "directory", "ip", "mirror", "volume"]

_FILESYSTEMS = frozenset(("ocf:takeover:filesystem", "ocf:heartbeat:Filesystem"))
_ADDRESSES = frozenset(
    ("ocf:takeover:ip", "ocf:heartbeat:IPaddr2", "ocf:heartbeat:IPaddr", "ocf:heartbeat:IPv6addr")
)
# By the agent: what it has, and the parameters that name it.
_NAMED: dict[str, tuple[Kind, tuple[str, ...]]] = {
    "ocf:linbit:drbd": ("mirror", ("drbd_resource",)),
    "ocf:heartbeat:drbd": ("mirror", ("drbd_resource",)),
    "ocf:heartbeat:LVM": ("volume", ("volgrpname",)),
    "ocf:heartbeat:LVM-activate": ("volume", ("vgname", "lvname")),
    "ocf:heartbeat:ZFS": ("volume", ("pool",)),
}
# Filesystems that many nodes mount at once, or that are on no disk.
_SHARED = frozenset(("nfs", "nfs4", "cifs", "smb3", "gfs2", "ocfs2", "glusterfs", "ceph", "tmpfs"))
# How the stock agent is told of a disk by its name or its number (mount(8)).
_OPTION = re.compile(r"-(?P<tag>[LU])\s*(?P<value>\S+)")
_TAGS = {"L": "LABEL", "U": "UUID"}


@dataclass(frozen=True)
class Exclusive:
    """Something that only one resource may have.

    Attributes:
        kind: What it is.
        key: The same for all names of the same.
        shown: How the resource calls it.
        parameter: The parameter that says it.
    """

    kind: Kind
    key: str
    shown: str
    parameter: str


def exclusive(agent: str, parameters: Mapping[str, str]) -> Iterator[Exclusive]:
    """Yield what a resource has for itself.

    Args:
        agent: Its agent, as pcs writes it.
        parameters: Its parameters.
    """
    if agent in _FILESYSTEMS:
        yield from _of_filesystem(parameters)
    elif agent in _ADDRESSES:
        for name in ("ip", "ipv6addr"):
            if text := parameters.get(name):
                yield Exclusive("ip", _address(text), text, name)
    elif agent in _NAMED:
        kind, names = _NAMED[agent]
        values = [parameters[name] for name in names if parameters.get(name)]
        if values:
            yield Exclusive(kind, "/".join(values), "/".join(values), names[0])


def _of_filesystem(parameters: Mapping[str, str]) -> Iterator[Exclusive]:
    directory, device = parameters.get("directory", ""), parameters.get("device", "")
    target, lun = parameters.get("target"), parameters.get("lun")
    if directory.startswith("/"):
        yield Exclusive("directory", identity.folder(directory), directory, "directory")
    if target is not None and lun is not None:
        yield Exclusive("lun", identity.lun(target, lun), f"{target} {lun}", "target")
    found = _OPTION.fullmatch(device.strip())
    named = device if found is None else f"{_TAGS[found['tag']]}={found['value']}"
    if _is_a_disk(named, parameters):
        yield Exclusive("device", identity.device(named), device, "device")


def _is_a_disk(device: str, parameters: Mapping[str, str]) -> bool:
    """Return whether a filesystem is on a disk that only one node may mount."""
    options = re.split(r"[\s,]+", parameters.get("options", ""))
    return (
        (device.startswith("/") or "=" in device)
        and not device.startswith("//")
        and parameters.get("fstype", "") not in _SHARED
        and not {"bind", "rbind", "-obind"} & set(options)
    )


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_interface(text).ip)
    except ValueError:
        return text
