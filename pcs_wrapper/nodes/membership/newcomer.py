"""What a machine has that is to become a node: its pcsd is asked, and nothing is changed on it.

`pcs cluster node add` compares no versions, and with --force it leaves the old CIB on the machine,
which could then be the newer one when the node joins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from cib_templates.findings import Finding, error
from cib_templates.reading.files import MEBIBYTE
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.files import read_private
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.network import Request
from pcs_wrapper.machine.waiting import shown_as_waiting

LACKS_PACKAGES = error(
    "node-lacks-packages", "A machine that is to become a node lacks a package that it needs."
)
CANNOT_JOIN = error(
    "node-cannot-join",
    "A machine that is to become a node has an older Pacemaker, or another Corosync, than the "
    "cluster: it could not join.",
)
IS_NEWER = error(
    "node-newer",
    "A machine that is to become a node has a newer Pacemaker than the cluster: it joins, but "
    "older nodes cannot come back when only newer ones are left.",
)
LACKS_AGENTS = error(
    "node-lacks-agents",
    "A machine that is to become a node lacks agents that the cluster's configuration uses.",
)

# Where pcs keeps which machines it knows, with the token for each.
_KNOWN_HOSTS = Path("var/lib/pcsd/known-hosts")
_CHECK, _CONFIG = "/remote/check_host", "/remote/get_corosync_conf"
_AGENTS = "/api/v1/resource-agent-get-agents-list/v1"
_DESTROY = "/remote/cluster_destroy"
_OK, _UNAUTHORIZED = 200, 401
# The services stop first, and pcs then kills what is left.
_DESTROYING = 600.0
_NEEDED = ("pacemaker", "corosync")
_CLUSTER_NAME = re.compile(r"^\s*cluster_name:\s*(\S+)", re.MULTILINE)
_NODE_NAME = re.compile(r"^\s*name:\s*(\S+)", re.MULTILINE)
_NUMBER = re.compile(r"\d+")
# The classes of agents whose presence can be compared: units of systemd come with applications.
_COMPARED = ("ocf", "stonith")

#: An agent: its class, its provider and its type.
Agent = tuple[str, str, str]


@dataclass(frozen=True)
class Host:
    """A machine that pcs knows.

    Attributes:
        name: Its name.
        token: The token by which its pcsd knows this machine.
        addresses: Where its pcsd is reached: addresses and ports.
    """

    name: str
    token: str = field(repr=False)
    addresses: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Newcomer:
    """What a machine has.

    Attributes:
        versions: The versions of Pacemaker, Corosync and pcsd, by their names in lower case.
        installed: The services that are installed, such as `qdevice`.
        running: The services of a cluster that run.
        has_configuration: Whether it has the configuration of a cluster.
        cluster: That cluster's name; empty if it is not known.
        nodes: That cluster's nodes, as far as they are known.
        agents: The agents that are installed; None if that is not known.
    """

    versions: Mapping[str, str]
    installed: frozenset[str]
    running: tuple[str, ...]
    has_configuration: bool = False
    cluster: str = ""
    nodes: tuple[str, ...] = ()
    agents: frozenset[Agent] | None = None


def known_host(machine: Machine, name: str) -> Host | None:
    """Return a machine that pcs knows; None if it does not know it.

    Args:
        machine: This machine.
        name: The other machine's name.
    """
    try:
        content = read_private(machine.root / _KNOWN_HOSTS, MEBIBYTE)
        known = json.loads(content)["known_hosts"][name]
        places = tuple((each["addr"], int(each["port"])) for each in known["dest_list"])
        return Host(name, known["token"], places)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def look(machine: Machine, host: Host, *, agents: bool = True) -> Newcomer | None:
    """Return what a machine has; None if it does not take this machine's token.

    Args:
        machine: This machine.
        host: The other one.
        agents: Whether its agents are asked for, too, which takes longer.

    Raises:
        ClusterError: Its pcsd does not answer, or refuses to say it.
    """
    with shown_as_waiting(machine, f"pcsd is asked on {host.name} what it has"):
        said = _ask(machine, host, _CHECK)
        if said is None:
            return None
        try:
            answer = json.loads(said)
            services: dict[str, dict[str, Any]] = answer["services"]
            newcomer = Newcomer(
                {name: f"{each['version']}" for name, each in services.items() if each["version"]},
                frozenset(name for name, each in services.items() if each["installed"]),
                tuple(
                    name
                    for name in ("pacemaker", "corosync", "pacemaker_remote")
                    if services.get(name, {}).get("running")
                ),
                bool(answer["cluster_configuration_exists"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ClusterError(f"pcsd on {host.name} does not say what it has") from None
        text = _told(machine, host, _CONFIG) if newcomer.has_configuration else ""
        names = _told(machine, host, _AGENTS, "{}") if agents else ""
    name = _CLUSTER_NAME.search(text)
    return Newcomer(
        newcomer.versions,
        newcomer.installed,
        newcomer.running,
        newcomer.has_configuration,
        "" if name is None else name[1],
        tuple(_NODE_NAME.findall(text)),
        _agents(names),
    )


def destroy(machine: Machine, host: Host) -> None:
    """Destroy the configuration of a cluster on a machine, as `pcs cluster destroy` does there.

    Args:
        machine: This machine.
        host: The other one.

    Raises:
        ClusterError: It could not be destroyed.
    """
    with shown_as_waiting(machine, f"pcsd destroys the old configuration on {host.name}"):
        _ask(machine, host, _DESTROY, timeout=_DESTROYING)
        found = look(machine, host, agents=False)
    if found is None or found.has_configuration or found.running:
        raise ClusterError(
            f"the old configuration is still on {host.name}. Run `pcs cluster destroy` there, then "
            "this again"
        )


def _told(machine: Machine, host: Host, path: str, body: str = "") -> str:
    """Return what a machine says; nothing if it does not say it."""
    try:
        return _ask(machine, host, path, body) or ""
    except ClusterError:
        return ""


def _ask(
    machine: Machine, host: Host, path: str, body: str = "", timeout: float = 60.0
) -> str | None:
    """Ask a machine's pcsd, at each of its addresses; None if it does not take the token."""
    problem = ""
    for address, port in host.addresses:
        try:
            answer = machine.ask(Request(address, port, path, host.token, body, timeout))
        except OSError as failure:
            problem = f"{address}: {failure.strerror or failure}"
            continue
        if answer.status == _UNAUTHORIZED:
            return None
        if answer.status != _OK:
            said = " ".join(answer.text.split())[:200]
            raise ClusterError(f"pcsd on {host.name} refuses {path} ({answer.status}): {said}")
        return answer.text
    raise ClusterError(
        f"pcsd does not answer on {host.name} ({problem}). Is the machine on, can this one reach "
        "its TCP port 2224, and does pcsd run there (systemctl enable --now pcsd)?"
    )


def _agents(text: str) -> frozenset[Agent] | None:
    try:
        names = json.loads(text)["data"]["names"]
        return frozenset((each["standard"], each["provider"] or "", each["type"]) for each in names)
    except (ValueError, KeyError, TypeError):
        return None


def misfits(
    name: str,
    newcomer: Newcomer,
    members: Mapping[str, Newcomer],
    live: etree._Element,
    needed: Mapping[str, str],
) -> Iterator[Finding]:
    """Find what a machine has otherwise than the cluster that it is to become a node of.

    Args:
        name: The machine's name.
        newcomer: What it has.
        members: What the cluster's nodes have, as far as that is known.
        live: The live CIB.
        needed: What else it needs: the package of each service that pcsd tells of. If it tells of
            no node that it has it, nothing is concluded: pcsd 0.11 and 0.12 look for a unit
            "qdevice", which is called corosync-qdevice.
    """
    told = {service for has in members.values() for service in has.installed}
    wanted = dict(zip(_NEEDED, _NEEDED, strict=True))
    wanted |= {service: package for service, package in needed.items() if service in told}
    lacks = [package for service, package in wanted.items() if service not in newcomer.installed]
    if lacks:
        yield LACKS_PACKAGES.at(
            (name,),
            f"{name} lacks {', '.join(lacks)}",
            f"On {name}: apt install {' '.join(lacks)}",
        )
    differ: dict[str, Finding] = {}
    for other, has in members.items():
        for each in _versions(name, newcomer.versions, other, has.versions):
            differ.setdefault(each.code, each)
    yield from differ.values()
    if missing := _lacking(newcomer.agents or frozenset(), live):
        ours = any(each.startswith("ocf:takeover:") for each in missing)
        yield LACKS_AGENTS.at(
            (name,),
            f"{name} lacks {', '.join(missing)}",
            f"On {name}: {'takeover agents install' if ours else 'install the packages of these'}",
        )


def _lacking(agents: frozenset[Agent], live: etree._Element) -> list[str]:
    """Return the agents of a configuration that a machine does not have."""
    used = {
        (each.get("class", ""), each.get("provider", ""), each.get("type", ""))
        for each in live.iterfind("configuration/resources//primitive")
    }
    # A pcsd that lists no fence agents says nothing about them.
    told = {agent[0] for agent in agents} & set(_COMPARED)
    missing = (agent for agent in used - agents if agent[0] in told)
    return sorted(":".join(word for word in agent if word) for agent in missing)


def _versions(
    name: str, own: Mapping[str, str], other: str, there: Mapping[str, str]
) -> Iterator[Finding]:
    mine, theirs = _number(own, "pacemaker"), _number(there, "pacemaker")
    said = "{} has {} {}, and {} has {}"
    told = said.format(name, "Pacemaker", own.get("pacemaker"), other, there.get("pacemaker"))
    if mine and theirs and mine < theirs:
        yield CANNOT_JOIN.at(
            (name,),
            f"{told}: one that is older cannot join",
            f"Upgrade {name} to the release of the cluster first",
        )
    elif mine and theirs and mine > theirs:
        yield IS_NEWER.at(
            (name,),
            f"{told}: it can join, but older nodes cannot come back once only newer ones are left",
            "Install the release of the cluster on it; or, if all nodes are to be upgraded one by "
            "one: --even-so",
        )
    mine, theirs = _number(own, "corosync"), _number(there, "corosync")
    if mine and theirs and mine[0] != theirs[0]:
        told = said.format(name, "Corosync", own.get("corosync"), other, there.get("corosync"))
        yield CANNOT_JOIN.at(
            (name,),
            f"{told}: these do not talk to each other",
            f"Install the release of the cluster on {name}",
        )


def _number(versions: Mapping[str, str], of: str) -> tuple[int, ...]:
    return tuple(int(each) for each in _NUMBER.findall(versions.get(of, ""))[:3])
