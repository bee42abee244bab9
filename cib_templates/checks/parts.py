"""What is wrong with a part of a service whose every value is right by itself."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator
from datetime import timedelta

from cib_templates.checks.agent_parameters import PARAMETERS
from cib_templates.cib import ids
from cib_templates.cib.secrets import is_secret
from cib_templates.findings import Contradiction, KeyPath
from cib_templates.model.services import Address, App, Filesystem
from cib_templates.rendering.primitives import AGENTS, SAID_BY_THE_SERVICE

# In such an IPv4 network and a smaller one, every address is a machine's (RFC 3021).
_POINT_TO_POINT = 31
# What mount(8) takes as a source: a path, a tag, or a network filesystem's.
_DEVICE = re.compile(r"/|(UUID|LABEL|PARTUUID|PARTLABEL)=.|[^/]+:/")
_SYSTEM_FOLDERS = frozenset(
    (
        *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc"),
        *("/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib"),  # noqa: S108
    )
)


def part_contradictions(path: KeyPath, part: Filesystem | App | Address) -> Iterator[Contradiction]:
    """Find what does not fit together within a part.

    Args:
        path: The part's table.
        part: The part.
    """
    match part:
        case Filesystem():
            yield from _filesystem(path, part)
        case App():
            yield from _app(path, part)
        case Address():
            yield from _address(path, part)
    yield from _parameters(path, part)


def _parameters(path: KeyPath, part: Filesystem | App | Address) -> Iterator[Contradiction]:
    """Find parameters that are said otherwise, and secrets."""
    agent, keys = AGENTS[type(part)]
    if isinstance(part, App) and part.agent is not None:
        agent, keys = part.agent, {}
    known = PARAMETERS.get(agent)
    for name in part.parameters:
        place = (*path, "parameters", name)
        if name in keys:
            yield Contradiction(place, "has a key of its own", f"use {keys[name]} instead")
        elif is_secret(name):
            yield Contradiction(
                place,
                "a secret must not be in the description: every node's CIB would show it",
                "keep it in a file of mode 0600 that the application reads",
            )
        elif known is not None and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"see pcs resource describe {agent}"
            yield Contradiction(place, f"{agent} has no such parameter", hint)
    for name in part.meta:
        if name in SAID_BY_THE_SERVICE or name.startswith(ids.MARK):
            yield Contradiction(
                (*path, "meta", name), "is not a part's", "say it of the service, with its keys"
            )


def _filesystem(path: KeyPath, filesystem: Filesystem) -> Iterator[Contradiction]:
    iscsi = {key: getattr(filesystem, key) for key in ("portal", "target", "lun")}
    given = [key for key, value in iscsi.items() if value is not None]
    missing = [key for key, value in iscsi.items() if value is None]
    if filesystem.device is not None and given:
        yield Contradiction(
            (*path, "device"),
            f"there is a device and also {', '.join(given)}",
            "a filesystem has a device, or an iSCSI portal, target and lun",
        )
    elif filesystem.device is None and missing:
        message = (
            f"an iSCSI LUN needs {', '.join(missing)} too"
            if given
            else "has neither a device nor an iSCSI portal, target and lun"
        )
        yield Contradiction(path, message, "a device, or portal, target and lun")
    if filesystem.device is not None and not _DEVICE.match(filesystem.device):
        yield Contradiction(
            (*path, "device"),
            f"{filesystem.device!r} is not a device",
            'a path such as "/dev/disk/by-id/…", "UUID=…", "LABEL=…", or "server:/path"',
        )
    if filesystem.attach is not None and filesystem.device is not None:
        yield Contradiction(
            (*path, "attach"), "attaches iSCSI LUNs, but there is a device", "leave one out"
        )
    chap = (filesystem.chap_user, filesystem.chap_secret_file)
    if (chap[0] is None) != (chap[1] is None):
        yield Contradiction(
            path, "has only one of chap_user and chap_secret_file", "give both, or none"
        )
    elif chap[0] is not None and filesystem.device is not None:
        yield Contradiction(
            (*path, "chap_user"),
            "logs in to an iSCSI target, but there is a device",
            "leave it out",
        )
    if filesystem.directory in _SYSTEM_FOLDERS:
        yield Contradiction(
            (*path, "directory"),
            f"{filesystem.directory} is a folder of the system",
            'use a folder of its own, such as "/srv/shop"',
        )


def _app(path: KeyPath, app: App) -> Iterator[Contradiction]:
    only_command = [key for key in AGENTS[App][1].values() if key != "command"]
    if (app.command is None) == (app.agent is None):
        yield Contradiction(
            path,
            "has both a command and an agent" if app.command else "has neither command nor agent",
            "an app has a command, or an agent",
        )
        return
    if app.agent is not None:
        for key in only_command:
            if getattr(app, key) is not None:
                yield Contradiction(
                    (*path, key),
                    f"belongs to a command, but the app has the agent {app.agent}",
                    "use the agent's own parameters",
                )
    if app.stop_timeout and app.timeout and app.stop_timeout >= app.timeout:
        yield Contradiction(
            (*path, "stop_timeout"),
            f"must be shorter than timeout ({app.timeout // timedelta(seconds=1)}s)",
            "after it, the application is killed, and that takes time too",
        )


def _address(path: KeyPath, address: Address) -> Iterator[Contradiction]:
    ip = ipaddress.ip_address(address.ip)
    if address.prefix is not None and address.prefix > ip.max_prefixlen:
        yield Contradiction(
            (*path, "prefix"),
            f"an IPv{ip.version} prefix length is at most {ip.max_prefixlen}",
            f"0 to {ip.max_prefixlen}",
        )
    elif (
        isinstance(ip, ipaddress.IPv4Address)
        and address.prefix is not None
        and address.prefix < _POINT_TO_POINT
    ):
        network = ipaddress.ip_network(f"{ip}/{address.prefix}", strict=False)
        if ip in (network.network_address, network.broadcast_address):
            yield Contradiction(
                (*path, "ip"),
                f"{ip} is the first or the last of {network}, which are the network's own",
                f"an address between {network.network_address} and {network.broadcast_address}",
            )
    if ip.is_link_local and ip.version == 6 and address.interface is None:  # noqa: PLR2004
        yield Contradiction(
            path, "a link-local address belongs to an interface", 'add interface = "…"'
        )
