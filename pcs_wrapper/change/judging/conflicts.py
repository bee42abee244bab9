"""What a change wants for a service and somebody else has: disks, mount points, addresses, ports.

The nodes find it (ocf:takeover:survey): only they know what a name leads to, and what is in use.
Here is decided what they are asked, and what becomes of their answers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

from cib_templates.cib.nvset import pairs_of
from cib_templates.errors import DescriptionError
from cib_templates.findings import Finding, FindingKind, error, warning
from cib_templates.model.description import Description
from cib_templates.rendering.render import render
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import survey
from pcs_wrapper.pacemaker.crm_mon import SURVEY
from pcs_wrapper.pacemaker.survey import Answers, Question

# The agents that have something which only one can have: the parameters that say what it is.
_WANTED: dict[str, tuple[str, ...]] = {
    "filesystem": (
        *("device", "directory", "fstype", "options"),
        *("portal", "target", "lun", "attach"),
    ),
    "Filesystem": ("device", "directory", "fstype", "options"),
    "ip": ("ip", "addresses", "nic", "lvs_support"),
    "IPaddr2": ("ip", "nic", "lvs_support"),
    "IPaddr": ("ip", "nic", "lvs_support"),
    "app": ("ready", "health"),
}
_OUR_AGENTS = ("filesystem", "ip", "app")
_UNITS = ("systemd", "service", "lsb")
_PORTS = ("tcp:", "http:", "https:")

DISK_TAKEN = error(
    "disk-taken",
    "A disk that a service shall have is another's, by whatever name: mounted twice, its "
    "filesystem would be destroyed.",
)
DIRECTORY_TAKEN = error(
    "directory-taken",
    "A mount point is another's on a node, or would hide another's, or something is mounted there.",
)
ADDRESS_TAKEN = error(
    "address-taken", "An address that a service shall have is another's, or a node's own."
)
PORT_TAKEN = error(
    "port-taken", "On a node that may run a service, somebody else listens on its port."
)
UNIT_TAKEN = error(
    "unit-taken", "A unit that a service shall run is another's, or runs outside of the cluster."
)
RUNS_ALREADY = warning(
    "runs-already",
    "What a service shall have is there already, not by the cluster; --adopt takes it as it is.",
)
NODE_NOT_ASKED = warning(
    "node-not-asked",
    "A node did not tell whether what the services shall have is free there.",
)
_KINDS: dict[str, FindingKind] = {
    "disk": DISK_TAKEN,
    "directory": DIRECTORY_TAKEN,
    "address": ADDRESS_TAKEN,
    "port": PORT_TAKEN,
    "unit": UNIT_TAKEN,
}
# What can be taken over as it is, if no resource of the cluster has it.
_ADOPTABLE = ("address", "unit")


def question_of(old: etree._Element, new: etree._Element) -> Question | None:
    """Return what the nodes are to be asked before a change; None if there is nothing to ask.

    Args:
        old: The live CIB.
        new: The CIB after the change.
    """
    before = {name: (agent, wanted) for name, _, agent, wanted in _resources(old)}
    after = list(_resources(new))
    nodes = [node.get("uname", "") for node in new.iterfind("configuration/nodes/node")]
    resources: list[dict[str, Any]] = []
    for name, service, agent, wanted in after:
        was = before.get(name)
        asked = was != (agent, wanted) and _wants_something(agent, wanted)
        values: dict[str, Any] = {
            "id": name,
            "service": service,
            "agent": agent,
            "parameters": wanted,
        }
        if asked:
            values["asked"] = True
            values["was"] = None if was is None else was[1]
        # Also of those that are not asked about: who is apart from whom is written at one of both.
        values |= _relations(new, name, service, nodes)
        resources.append(values)
    if not any(each.get("asked") for each in resources):
        return None
    kept = {(name, agent) for name, _, agent, _ in after}
    resources += [
        # What another agent runs until the change leaves with it, even if its ID stays.
        {"id": name, "service": service, "agent": agent, "parameters": wanted, "leaves": True}
        for name, service, agent, wanted in _resources(old)
        if (name, agent) not in kept
    ]
    return Question(resources, old.get("epoch", "0"))


def names_of(question: Question) -> str:
    """Return the resources that a question is about, as words in a sentence."""
    return ", ".join(each["id"] for each in question.resources if each.get("asked"))


def check_names(machine: Machine, description: Description) -> None:
    """Refuse what two services of a description shall have by different names, as this node sees.

    Args:
        machine: This machine; if it is none of the description's nodes, it is not asked.
        description: The description.

    Raises:
        DescriptionError: With all that is found.
    """
    if machine.host not in description.nodes:
        return
    rendered = render(description)
    nothing = copy.deepcopy(rendered)
    for resource in nothing.findall("configuration/resources/*"):
        nothing.find("configuration/resources").remove(resource)  # type: ignore[union-attr]
    question = question_of(nothing, rendered)
    if question is None:
        return
    services = {each["id"]: each["service"] for each in question.resources}
    answers = survey.ask_here(machine, question, names_only=True)
    found = [
        _KINDS[each.kind].at(
            ("services", services[each.resource]),
            f"{each.resource}: on this machine, {each.message}",
            "each is used once",
        )
        for conflicts in answers.conflicts.values()
        for each in conflicts
    ]
    if found:
        raise DescriptionError(found)


def found_in(answers: Answers, *, adopt: bool) -> Iterator[Finding]:
    """Find what the nodes' answers say against a change.

    Args:
        answers: The answers.
        adopt: Whether what runs outside of the cluster is taken over as it is.
    """
    nodes: dict[tuple[str, str, str, str], list[str]] = {}
    for node, conflicts in sorted(answers.conflicts.items()):
        for each in conflicts:
            key = (each.resource, each.kind, each.message, each.holder)
            nodes.setdefault(key, []).append(node)
    for (resource, kind, message, holder), where in nodes.items():
        sentence = f"{resource}: {message} (found on {', '.join(where)})"
        if not holder and kind in _ADOPTABLE:
            if adopt:
                yield RUNS_ALREADY.at((resource,), sentence, "It is taken over as it is")
                continue
            hint = "Nothing was changed. End it there first; or take it over as it is: --adopt"
        else:
            hint = "Nothing was changed. Use another one, or first free this one"
        yield _KINDS[kind].at((resource,), sentence, hint)
    for node, why in answers.silent.items():
        yield NODE_NOT_ASKED.at(
            (),
            f"{node} did not tell whether all that is wanted is free there: {why}",
            "If its agents are older ones, run `takeover agents install` there",
        )


def _resources(cib: etree._Element) -> Iterator[tuple[str, str, str, Mapping[str, str]]]:
    """Yield the ID, the outermost resource, the agent and what it wants of each primitive."""
    for outermost in cib.iterfind("configuration/resources/*"):
        for primitive in outermost.iter("primitive"):
            kind, agent = primitive.get("class", ""), primitive.get("type", "")
            name = primitive.get("id", "")
            if kind == "stonith" or name.startswith(SURVEY):
                continue
            provider = primitive.get("provider")
            written = ":".join(filter(None, (kind, provider, agent)))
            is_known = provider == ("takeover" if agent in _OUR_AGENTS else "heartbeat")
            parameters = pairs_of(primitive, "instance_attributes")
            wanted = {
                key: parameters[key]
                for key in (_WANTED.get(agent, ()) if is_known else ())
                if key in parameters
            }
            yield name, outermost.get("id", ""), written, wanted


def _wants_something(agent: str, wanted: Mapping[str, str]) -> bool:
    if agent == "ocf:takeover:app":
        return any(value.startswith(_PORTS) for value in wanted.values())
    return bool(wanted) or agent.partition(":")[0] in _UNITS


def _relations(
    cib: etree._Element, name: str, service: str, nodes: Iterable[str]
) -> dict[str, list[str]]:
    """Return on which nodes a resource may run, and beside which services, as far as it is said."""
    ours = (name, service)
    banned = {
        each.get("node", "")
        for each in cib.iterfind("configuration/constraints/rsc_location[@score='-INFINITY']")
        if each.get("rsc") in ours
    }
    apart, beside = set(), set()
    for each in cib.iterfind("configuration/constraints/rsc_colocation"):
        one, other = each.get("rsc", ""), each.get("with-rsc", "")
        if one in ours or other in ours:
            rest = other if one in ours else one
            if each.get("score") == "-INFINITY":
                apart.add(rest)
            elif each.get("score") == "INFINITY" and one in ours:
                beside.add(rest)
    relations = {
        "nodes": sorted({*nodes} - banned) if banned else [],
        "apart": sorted(apart),
        "beside": sorted(beside),
    }
    return {key: values for key, values in relations.items() if values}
