"""Asking all nodes at once whether something is free: Pacemaker has each node probe a survey.

Pacemaker probes a new resource on every node before it decides anything about it, and starts
nothing that it does not manage (Pacemaker Explained, "Resource Meta-Attributes": is-managed). The
probe of ocf:takeover:survey only looks, says that the survey does not run, and leaves its answer in
a private node attribute. Then the survey is deleted, and Pacemaker forgets its probes.
"""

from __future__ import annotations

import base64
import json
import shlex
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from cib_templates.cib.nvset import nvset
from cib_templates.cib.text import NotXml, parse, parse_cib
from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import wait_until
from pcs_wrapper.pacemaker.crm_mon import SURVEY

# The attribute with the answers; ocf_agents/survey.py names it as well.
_ATTRIBUTE = "takeover-survey"
_AGENT = "survey"
_TIMEOUT = 60.0
# The time for the probes, in seconds: that of an action, and some for a busy cluster.
_PROBE = 20
_PATIENCE = 30.0
_POLL = 0.05
# OCF_NOT_RUNNING: the only answer of a survey that has looked.
_NOT_RUNNING = 7
_DELETE = ("cibadmin", "--delete", "--scope", "resources", "--xml-text")


@dataclass(frozen=True)
class Conflict:
    """Something that a resource shall have and somebody else has.

    Attributes:
        resource: The ID of the resource that shall have it.
        kind: What it is: disk, directory, address, port or unit.
        message: Who has it, in a clause.
        holder: The ID of the resource that has it; empty if it is no resource of the cluster.
    """

    resource: str
    kind: str
    message: str
    holder: str


@dataclass(frozen=True)
class Answers:
    """What the nodes have answered.

    Attributes:
        conflicts: The conflicts that each node has found, by its name.
        silent: The nodes that have not answered, each with the reason.
    """

    conflicts: dict[str, tuple[Conflict, ...]]
    silent: dict[str, str]


@dataclass(frozen=True)
class Question:
    """What the nodes are asked.

    Attributes:
        resources: What each resource has or shall have, as ocf:takeover:survey takes it.
        number: The number of the question, which an answer repeats.
    """

    resources: Sequence[Mapping[str, Any]]
    number: str

    @property
    def survey(self) -> str:
        """The ID of the survey, each time another one.

        On a node in maintenance Pacemaker keeps what it knows of a deleted resource, and does not
        probe one with the same ID again.
        """
        return f"{SURVEY}{self.number}"

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the survey."""
        text = json.dumps(self.resources, separators=(",", ":"), sort_keys=True)
        packed = base64.b64encode(zlib.compress(text.encode())).decode()
        return {"question": packed, "number": self.number}

    @property
    def create_command(self) -> tuple[str, ...]:
        """The command that puts the survey into the cluster."""
        survey = etree.Element(
            "primitive", {"id": self.survey, "class": "ocf", "provider": "takeover", "type": _AGENT}
        )
        survey.append(nvset("instance_attributes", f"{self.survey}-parameters", self.parameters))
        # Not even if another administrator manages everything: it is stopped, too.
        meta = {"is-managed": "false", "target-role": "Stopped"}
        survey.append(nvset("meta_attributes", f"{self.survey}-meta", meta))
        operations = etree.SubElement(survey, "operations")
        etree.SubElement(
            operations,
            "op",
            id=f"{self.survey}-monitor",
            name="monitor",
            interval="0",
            timeout=f"{_PROBE}s",
        )
        text = etree.tostring(survey, encoding="unicode")
        return ("cibadmin", "--create", "--scope", "resources", "--xml-text", text)


def delete_command(survey: str) -> tuple[str, ...]:
    """Return the command that takes a survey out of the cluster; it need not be there."""
    return (*_DELETE, f'<primitive id="{survey}"/>')


def lines(question: Question) -> tuple[str, str]:
    """Return the commands of a survey that change the CIB, as a user would type them."""
    return shlex.join(question.create_command), shlex.join(delete_command(question.survey))


def left_in(cib: etree._Element) -> tuple[str, ...]:
    """Return the surveys of commands that were interrupted, which are still in the cluster."""
    path = "configuration/resources/primitive[@provider='takeover']"
    identities = (primitive.get("id", "") for primitive in cib.iterfind(path))
    return tuple(each for each in identities if each.startswith(SURVEY))


def delete(machine: Machine, survey: str) -> None:
    """Take a survey out of the cluster.

    Raises:
        ProgramError: It cannot be taken out.
    """
    machine.runner.run(*delete_command(survey), timeout=_TIMEOUT)


def ask(machine: Machine, question: Question, nodes: Collection[str]) -> Answers:
    """Ask nodes, and leave nothing in the CIB.

    Args:
        machine: This machine.
        question: What they are asked.
        nodes: The names of the nodes that can answer.

    Raises:
        ProgramError: A program is missing, fails or hangs.
    """
    try:
        machine.runner.run(*question.create_command, timeout=_TIMEOUT, hint="Nothing was changed")
        probes: dict[str, tuple[int, str]] = {}

        def missing() -> str:
            probes.update(_probes(machine, question.survey))
            silent = ", ".join(sorted({*nodes} - {*probes}))
            return silent and f"waiting for the answer of {silent}"

        wait_until(machine, missing, seconds=_PATIENCE, pause=_POLL)
        answers = _answers(machine, question.number)
    finally:
        delete(machine, question.survey)
    return Answers(
        answers, {node: _why(probes.get(node)) for node in sorted({*nodes} - {*answers})}
    )


def ask_here(machine: Machine, question: Question, *, names_only: bool = False) -> Answers:
    """Ask this machine alone, without the cluster.

    Args:
        machine: This machine.
        question: What it is asked.
        names_only: Whether only names of the same thing are looked for, and not what is in use.

    Returns:
        Its answer; none if the agent is not installed here.
    """
    agent = machine.agents / _AGENT
    if not agent.exists():
        return Answers({}, {machine.host: "the agents are not installed"})
    parameters = {**question.parameters, "names_only": str(names_only).lower()}
    environ = [f"OCF_RESKEY_{name}={value}" for name, value in parameters.items()]
    instance = f"OCF_RESOURCE_INSTANCE={question.survey}"
    command = ("env", "OCF_ROOT=/usr/lib/ocf", instance, *environ, str(agent), "monitor")
    try:
        result = machine.runner.run(*command, timeout=_PATIENCE, ok=range(-64, 256))
        found = _answer(result.stdout, question.number)
    except ProgramError as error:
        return Answers({}, {machine.host: error.message})
    if found is None:
        return Answers({}, {machine.host: result.stderr.strip()})
    return Answers({machine.host: found}, {})


def _probes(machine: Machine, survey: str) -> dict[str, tuple[int, str]]:
    """Return the exit code and the reason of each node's probe."""
    result = machine.runner.run("cibadmin", "--query", timeout=_TIMEOUT)
    try:
        root = parse_cib(result.stdout)
    except NotXml:
        return {}
    path = f"lrm/lrm_resources/lrm_resource[@id='{survey}']/lrm_rsc_op[@operation='monitor']"
    return {
        state.get("uname", ""): (int(probe.get("rc-code", "-1")), probe.get("exit-reason", ""))
        for state in root.iterfind("status/node_state")
        for probe in state.iterfind(path)
        # 193 is Pacemaker's own mark of an action that has not ended.
        if probe.get("op-status") != "-1"
    }


def _answers(machine: Machine, number: str) -> dict[str, tuple[Conflict, ...]]:
    query = ("attrd_updater", "--query", "--all", f"--name={_ATTRIBUTE}", "--output-as=xml")
    # It fails if no node has answered.
    result = machine.runner.run(*query, timeout=_TIMEOUT, ok=range(-64, 256))
    try:
        root = parse(result.stdout)
    except NotXml:
        return {}
    found = {
        each.get("host", ""): _answer(each.get("value", ""), number)
        for each in root.iter("attribute")
    }
    return {node: conflicts for node, conflicts in found.items() if conflicts is not None}


def _answer(text: str, number: str) -> tuple[Conflict, ...] | None:
    """Return the conflicts of an answer; None if it is none to this question."""
    try:
        answer = json.loads(text)
        if answer["number"] != number:
            return None
        return tuple(Conflict(**each) for each in answer["conflicts"])
    except (ValueError, TypeError, KeyError):
        return None


def _why(probe: tuple[int, str] | None) -> str:
    if probe is None:
        return f"Pacemaker has not asked it within {_PATIENCE:.0f} s"
    code, reason = probe
    if code == _NOT_RUNNING:
        return "its answer did not arrive"
    return reason or f"its probe ended with {code}"
