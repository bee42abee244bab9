"""What is wrong with the parts of a service, each by itself and beside the others of its kind."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterator
from datetime import timedelta

from cib_templates.checks.agents import check_agent, parameter_names
from cib_templates.cib import ids
from cib_templates.cib.secrecy.secrets import has_secret, is_secret
from cib_templates.findings import Finding, KeyPath, error
from cib_templates.model.services import Address, App, Filesystem, Service
from cib_templates.rendering.primitives import AGENTS, META_OF_A_SERVICE, agent_and_parameters
from ocf_agents.disk.parameters import (
    FilesystemParameters,
    is_device,
    may_be_on_several_nodes,
    mount_point,
)

# In such an IPv4 network and a smaller one, every address is a machine's (RFC 3021).
_POINT_TO_POINT = 31

START_ORDER_INCOMPLETE = error(
    "start-order-incomplete", "A service's start_order does not have each kind of part once."
)
SERVICE_EMPTY = error(
    "service-empty", "A service has no parts, so that there is nothing that could run."
)
PART_WITHOUT_NAME = error(
    "part-without-name", "A service has several parts of one kind, and one of them has no name."
)
PART_NAME_TWICE = error("part-name-twice", "Two parts of one kind have the same name.")
PARAMETER_HAS_A_KEY = error(
    "parameter-has-a-key", "An agent's parameter is set for which the table has a key of its own."
)
PARAMETER_UNKNOWN = error("parameter-unknown", "The agent has no parameter of that name.")
PARAMETER_SECRET = error(
    "secret-in-parameter",
    "An agent's parameter holds a secret, which every node's CIB and every report would show.",
)
META_OF_THE_SERVICE = error(
    "meta-of-the-service",
    "A part sets a meta attribute that belongs to its service, or that Takeover sets.",
)
DISK_NOT_ONE = error(
    "disk-not-one", "A filesystem has both a device and an iSCSI LUN, or neither of them."
)
LUN_INCOMPLETE = error("lun-incomplete", "An iSCSI LUN lacks its portal, target or number.")
DEVICE_UNUSABLE = error(
    "device-unusable", "A filesystem's device is neither a path, nor a tag, nor a server's share."
)
ATTACH_WITHOUT_LUN = error(
    "attach-without-lun", "A program that attaches an iSCSI LUN is given to a filesystem without."
)
CHAP_INCOMPLETE = error(
    "chap-incomplete", "Only one of chap_user and chap_secret_file is given; a login needs both."
)
CHAP_WITHOUT_LUN = error(
    "chap-without-lun", "An iSCSI login is given to a filesystem that is on no iSCSI LUN."
)
DIRECTORY_OF_THE_SYSTEM = error(
    "directory-of-the-system",
    "A mount point is a folder of the system, which a filesystem there would hide.",
)
FILESYSTEM_ON_SEVERAL_NODES = error(
    "filesystem-on-several-nodes",
    "A filesystem that only one node may have mounted shall be mounted on several.",
)
APP_NOT_ONE = error("app-not-one", "An app has both a command and an agent, or neither of them.")
KEY_OF_A_COMMAND = error(
    "key-of-a-command", "An app with an agent has a key that only an app with a command has."
)
STOP_TIMEOUT_TOO_LONG = error(
    "stop-timeout-too-long", "An app's stop_timeout leaves no time to kill it before the timeout."
)
PREFIX_TOO_LONG = error(
    "prefix-too-long", "An address has a longer prefix than addresses of its kind can have."
)
ADDRESS_OF_THE_NETWORK = error(
    "address-of-the-network",
    "An IPv4 address is the first or last of its network, which no host has.",
)
LINK_LOCAL_WITHOUT_INTERFACE = error(
    "link-local-without-interface",
    "A link-local IPv6 address does not say on which interface it is.",
)


def check_parts(path: KeyPath, service: Service) -> Iterator[Finding]:
    """Find what is wrong with a service's parts.

    Args:
        path: The service's table.
        service: The service.
    """
    if sorted(service.start_order) != ["address", "app", "filesystem"]:
        yield START_ORDER_INCOMPLETE.at(
            (*path, "start_order"),
            "must have each kind of part once",
            '"filesystem", "app" and "address", in the order of their start',
        )
        return
    parts = list(service.numbered_parts())
    if not parts:
        yield SERVICE_EMPTY.at(
            path, "has no parts", "give it a filesystem, an app or an address (or several)"
        )
    for kind, index, part in parts:
        place = (*path, kind, index)
        siblings = [other for other_kind, _, other in parts if other_kind == kind]
        if len(siblings) > 1 and part.name is None:
            yield PART_WITHOUT_NAME.at(
                place, f"has no name, and there are several {kind} tables", 'add name = "…"'
            )
        elif part.name in [other.name for other in siblings[:index]]:
            yield PART_NAME_TWICE.at(
                (*place, "name"), f"{part.name!r} is used twice", "give each another name"
            )
        yield from _part(place, part, everywhere=service.pattern == "everywhere")


def _part(
    path: KeyPath, part: Filesystem | App | Address, *, everywhere: bool
) -> Iterator[Finding]:
    found: list[Finding] = []
    match part:
        case Filesystem():
            found += _filesystem(path, part, everywhere=everywhere)
        case App():
            found += _app(path, part)
        case Address():
            found += _address(path, part)
    found += _parameters(path, part)
    found += _meta(path, part)
    # Whatever has a finding of its own would be found by the agent, too, in words of its own.
    yield from found or check_agent(path, part, everywhere=everywhere)


def _parameters(path: KeyPath, part: Filesystem | App | Address) -> Iterator[Finding]:
    """Find parameters that have keys, that hold secrets, and that the agent does not have."""
    agent, keys = AGENTS[type(part)]
    if isinstance(part, App) and part.agent is not None:
        agent, keys = part.agent, {}
    known = parameter_names(agent)
    _, texts = agent_and_parameters(part)
    for name, key in keys.items():
        if name not in part.parameters and has_secret(texts.get(name, "")):
            yield PARAMETER_SECRET.at(
                (*path, key),
                "has a password or another secret in it: every node's CIB would show it",
                "keep it in a file of mode 0600 that the application reads",
            )
    for name, value in part.parameters.items():
        place = (*path, "parameters", name)
        if name in keys:
            yield PARAMETER_HAS_A_KEY.at(place, "has a key of its own", f"use {keys[name]} instead")
        elif is_secret(name, value):
            yield PARAMETER_SECRET.at(
                place,
                "a secret must not be in the description: every node's CIB would show it",
                "keep it in a file of mode 0600 that the application reads",
            )
        elif known is not None and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"see pcs resource describe {agent}"
            yield PARAMETER_UNKNOWN.at(place, f"{agent} has no such parameter", hint)


def _meta(path: KeyPath, part: Filesystem | App | Address) -> Iterator[Finding]:
    for name, value in part.meta.items():
        if is_secret(name, value):
            yield PARAMETER_SECRET.at(
                (*path, "meta", name),
                "a secret must not be in the description: every node's CIB would show it",
                "leave it out",
            )
        elif name in META_OF_A_SERVICE or name.startswith(ids.MARK):
            yield META_OF_THE_SERVICE.at(
                (*path, "meta", name),
                "is not a part's, but its service's or Takeover's own",
                "use the service's keys: enabled, maintenance, priority",
            )


def _filesystem(path: KeyPath, filesystem: Filesystem, *, everywhere: bool) -> Iterator[Finding]:
    yield from _disk(path, filesystem)
    if filesystem.attach is not None and filesystem.device is not None:
        yield ATTACH_WITHOUT_LUN.at(
            (*path, "attach"), "attaches iSCSI LUNs, but there is a device", "leave one out"
        )
    chap = (filesystem.chap_user, filesystem.chap_secret_file)
    if (chap[0] is None) != (chap[1] is None):
        yield CHAP_INCOMPLETE.at(
            path, "has only one of chap_user and chap_secret_file", "give both, or none"
        )
    elif chap[0] is not None and filesystem.device is not None:
        yield CHAP_WITHOUT_LUN.at(
            (*path, "chap_user"),
            "logs in to an iSCSI target, but there is a device",
            "leave it out",
        )
    if not mount_point(filesystem.directory):
        yield DIRECTORY_OF_THE_SYSTEM.at(
            (*path, "directory"),
            f"{filesystem.directory} is a folder of the system",
            'use a folder of its own, such as "/srv/shop"',
        )
    if everywhere and not _may_be_on_several_nodes(filesystem):
        yield FILESYSTEM_ON_SEVERAL_NODES.at(
            (*path, "type"),
            f"{filesystem.type or 'most filesystems'} mounted on several nodes at once is "
            "destroyed: the agent refuses it",
            'use "gfs2" or "ocfs2"; or parameters = { force_clones = true } if each node has a '
            "disk of its own",
        )


def _may_be_on_several_nodes(filesystem: Filesystem) -> bool:
    given = {f"OCF_RESKEY_{name}": value for name, value in filesystem.parameters.items()}
    return FilesystemParameters(given).force_clones or may_be_on_several_nodes(
        filesystem.type or "", filesystem.options or ""
    )


def _disk(path: KeyPath, filesystem: Filesystem) -> Iterator[Finding]:
    iscsi = {key: getattr(filesystem, key) for key in ("portal", "target", "lun")}
    given = [key for key, value in iscsi.items() if value is not None]
    missing = [key for key, value in iscsi.items() if value is None]
    if filesystem.device is not None and given:
        yield DISK_NOT_ONE.at(
            (*path, "device"),
            f"there is a device and also {', '.join(given)}",
            "a filesystem has a device, or an iSCSI portal, target and lun",
        )
    elif filesystem.device is None and given and missing:
        yield LUN_INCOMPLETE.at(
            path,
            f"an iSCSI LUN needs {', '.join(missing)} too",
            "a device, or portal, target and lun",
        )
    elif filesystem.device is None and missing:
        yield DISK_NOT_ONE.at(
            path,
            "has neither a device nor an iSCSI portal, target and lun",
            "a device, or portal, target and lun",
        )
    if filesystem.device is not None and not is_device(filesystem.device, filesystem.type or ""):
        yield DEVICE_UNUSABLE.at(
            (*path, "device"),
            f"{filesystem.device!r} is not a device",
            'a path such as "/dev/disk/by-id/…", "UUID=…", "LABEL=…", or "server:/path"',
        )


def _app(path: KeyPath, app: App) -> Iterator[Finding]:
    keys_of_a_command = [key for key in AGENTS[App][1].values() if key != "command"]
    if (app.command is None) == (app.agent is None):
        yield APP_NOT_ONE.at(
            path,
            "has both a command and an agent" if app.command else "has neither command nor agent",
            "an app has a command, or an agent",
        )
        return
    if app.agent is not None:
        for key in keys_of_a_command:
            if getattr(app, key) is not None:
                yield KEY_OF_A_COMMAND.at(
                    (*path, key),
                    f"belongs to a command, but the app has the agent {app.agent}",
                    "use the agent's own parameters",
                )
    if app.stop_timeout and app.timeout and app.stop_timeout >= app.timeout:
        yield STOP_TIMEOUT_TOO_LONG.at(
            (*path, "stop_timeout"),
            f"must be shorter than timeout ({app.timeout // timedelta(seconds=1)}s)",
            "after it, the application is killed, and that takes time too",
        )


def _address(path: KeyPath, address: Address) -> Iterator[Finding]:
    ip = ipaddress.ip_address(address.ip)
    if address.prefix is not None and address.prefix > ip.max_prefixlen:
        yield PREFIX_TOO_LONG.at(
            (*path, "prefix"),
            f"an IPv{ip.version} prefix length is at most {ip.max_prefixlen}",
            f"1 to {ip.max_prefixlen}",
        )
    elif (
        isinstance(ip, ipaddress.IPv4Address)
        and address.prefix is not None
        and address.prefix < _POINT_TO_POINT
    ):
        network = ipaddress.ip_network(f"{ip}/{address.prefix}", strict=False)
        if ip in (network.network_address, network.broadcast_address):
            yield ADDRESS_OF_THE_NETWORK.at(
                (*path, "ip"),
                f"{ip} is the first or the last of {network}, which are the network's own",
                f"an address between {network.network_address} and {network.broadcast_address}",
            )
    if ip.is_link_local and ip.version == 6 and address.interface is None:  # noqa: PLR2004
        yield LINK_LOCAL_WITHOUT_INTERFACE.at(
            path, "a link-local address belongs to an interface", 'add interface = "…"'
        )
