"""The fence agents of this machine: which of them fits, and what each needs to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.text import NotXml, parse
from pcs_wrapper.beginning.finding.asking import answer, content
from pcs_wrapper.machine.machine import Machine

# Programs of the same name that cannot switch a node off by themselves.
_NO_AGENTS = (
    *("fence_ack_manual", "fence_check", "fence_dummy", "fence_kdump_send", "fence_kdump"),
    *("fence_legacy", "fence_node", "fence_pcmk", "fence_tool", "fence_virtd", "fence_watchdog"),
    "fence_heuristics_ping",
)
# What the firmware says of the maker of a machine, and the agent of that maker's machines.
_MAKERS = {
    "Amazon EC2": "fence_aws",
    "Google": "fence_gce",
    "Microsoft Corporation": "fence_azure_arm",
    "VMware, Inc.": "fence_vmware_rest",
    "QEMU": "fence_virsh",
}
# These call each node by its own name.
_BY_NODE_NAME = ("fence_sbd", "fence_scsi", "fence_mpath", "fence_xvm")
# Set by Takeover, or by Pacemaker for each node.
_NOT_ASKED = ("action", "plug", "port")


@dataclass(frozen=True)
class Need:
    """A parameter that a fence agent needs.

    Attributes:
        name: Its name.
        about: What it is, in the agent's words.
    """

    name: str
    about: str


@dataclass(frozen=True)
class FenceAgent:
    """A fence agent and what it needs.

    Attributes:
        name: Its name.
        about: What it is, in its own words.
        needs: The parameters that it needs.
        has_plugs: Whether one device knows each node by a plug or another name.
        is_of_one_node: Whether a device is a part of one node, so that each node has its own.
    """

    name: str
    about: str = ""
    needs: tuple[Need, ...] = ()
    has_plugs: bool = False
    is_of_one_node: bool = False


def installed(machine: Machine) -> list[str]:
    """Return the names of the fence agents that are installed."""
    found = (file.name for file in (machine.root / "usr/sbin").glob("fence_*"))
    return sorted(name for name in found if name not in _NO_AGENTS)


def suggested(machine: Machine, known: Sequence[str]) -> tuple[str, str]:
    """Return the agent that fits this machine, and why; empty if none is known to.

    Args:
        machine: This machine.
        known: The agents that are installed.
    """
    maker = content(machine, "sys/class/dmi/id/sys_vendor")
    agent = _MAKERS.get(maker, "")
    if agent in known:
        return agent, f"this is a machine of {maker}"
    if "fence_ipmilan" in known and (machine.root / "dev/ipmi0").exists():
        return "fence_ipmilan", "this machine has an IPMI board (/dev/ipmi0)"
    if len(known) == 1:
        return known[0], "it is the only one that is installed"
    return "", ""


def agent_of(machine: Machine, name: str) -> FenceAgent:
    """Ask an agent what it needs; if it does not answer, nothing is known to be needed."""
    if name not in installed(machine):
        return FenceAgent(name)
    try:
        metadata = parse(answer(machine, name, stdin="action=metadata\n"))
    except NotXml:
        return FenceAgent(name)
    parameters = {each.get("name", ""): each for each in metadata.iterfind(".//parameter")}
    plug = parameters.get("plug")
    calls_plugs = plug is not None and _is_required(plug) and name not in _BY_NODE_NAME
    return FenceAgent(
        name,
        metadata.get("shortdesc", ""),
        tuple(_needs(parameters)),
        calls_plugs,
        is_of_one_node="ip" in parameters and not calls_plugs,
    )


def _needs(parameters: dict[str, etree._Element]) -> Iterator[Need]:
    for name, parameter in parameters.items():
        content = parameter.find("content")
        has_default = content is not None and content.get("default") is not None
        # An agent with a way for each kind of login requires none of them.
        is_login = name in ("ip", "username", "password_script")
        is_asked = is_login or (_is_required(parameter) and not has_default)
        if is_asked and name not in _NOT_ASKED and parameter.get("deprecated") != "1":
            yield Need(name, (parameter.findtext("shortdesc") or "").strip())


def _is_required(parameter: etree._Element) -> bool:
    return parameter.get("required") == "1"
