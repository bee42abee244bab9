"""Asking Pacemaker's scheduler what it would do with a changed CIB.

crm_simulate is run twice, on the live CIB and on the changed one, so that actions which the cluster
would take in any case can be marked. It reads the CIB by $CIB_file and --live-check. With
--xml-file Pacemaker 2.1 assumes that secrets were removed from the CIB, and does not notice that
`user` or `password` have changed (tools/crm_simulate.c, `pcmk_sim_sanitized`). With $CIB_file no
tool talks to the daemons (Pacemaker Administration, "Environment variables").
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lxml import etree

from cib_templates.cib.text import NotXml, parse, parse_cib, to_text
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.machine import Machine

Kind = Literal["start", "stop", "restart", "reload", "move", "fence", "other"]

# The kind of each action, by the scheduler's own word for it.
_KINDS: dict[str, Kind] = {
    "start": "start",
    "stop": "stop",
    "restart": "restart",
    "recover": "restart",
    "reload": "reload",
    "reload-agent": "reload",
    "move": "move",
    "migrate": "move",
    "re-promote": "restart",
}
_TIMEOUT = 300.0


@dataclass(frozen=True)
class Action:
    """An action of the cluster on a resource or a node.

    Attributes:
        kind: The kind of action; a move is a stop on one node and a start on another.
        target: The ID of the resource, or the name of the node that is fenced.
        source: The node on which the resource is before; None if it is on none.
        dest: The node on which the resource is afterwards; None if it is on none.
        reason: The reason, in the scheduler's words; may be empty.
        word: The scheduler's own word for the action.
        anyway: Whether the cluster does the same without the change.
    """

    kind: Kind
    target: str
    source: str | None
    dest: str | None
    reason: str
    word: str
    anyway: bool = False


def simulate(machine: Machine, old: etree._Element, new: etree._Element) -> tuple[Action, ...]:
    """Return the actions that Pacemaker's scheduler would take with a changed CIB.

    Args:
        machine: This machine.
        old: The live CIB with its status.
        new: The changed CIB, with the same status.

    Raises:
        ProgramError: crm_simulate is missing or fails.
        ClusterError: crm_simulate prints no XML.
    """
    # Reasons are not compared: the same action can have another reason without the change.
    before = {replace(action, reason="") for action in ask(machine, old)}
    return tuple(
        replace(action, anyway=replace(action, reason="") in before) for action in ask(machine, new)
    )


def afterwards(machine: Machine, cib: etree._Element) -> etree._Element:
    """Return a CIB as it would be when the cluster has done everything that it makes it do.

    Args:
        machine: This machine.
        cib: The CIB, with its status.

    Raises:
        ProgramError: crm_simulate is missing or fails.
        ClusterError: crm_simulate saves no CIB.
    """
    machine.runner.require("crm_simulate")
    with tempfile.TemporaryDirectory(prefix="takeover-") as folder:
        file, saved = Path(folder) / "cib.xml", Path(folder) / "afterwards.xml"
        file.write_text(to_text(cib))
        machine.runner.run(
            *("env", f"CIB_file={file}"),
            *("crm_simulate", "--simulate", "--live-check", f"--save-output={saved}"),
            "--output-as=xml",
            timeout=_TIMEOUT,
        )
        try:
            return parse_cib(saved.read_bytes())
        except (OSError, NotXml) as error:
            raise ClusterError(f"crm_simulate saved no CIB: {error}") from None


def parse_actions(text: str) -> tuple[Action, ...]:
    """Return the actions in the XML output of crm_simulate.

    Raises:
        ClusterError: The output is not XML.
    """
    try:
        root = parse(text)
    except NotXml as error:
        raise ClusterError(f"crm_simulate printed no XML: {error}") from None
    return tuple(_actions(root))


def ask(machine: Machine, cib: etree._Element) -> tuple[Action, ...]:
    """Return the actions that Pacemaker's scheduler would take with a CIB.

    Args:
        machine: This machine.
        cib: The CIB with its status.

    Raises:
        ProgramError: crm_simulate is missing or fails.
        ClusterError: crm_simulate prints no XML.
    """
    machine.runner.require("crm_simulate")
    # The mode of this folder is 0700, because a CIB may contain secrets.
    with tempfile.TemporaryDirectory(prefix="takeover-") as folder:
        file = Path(folder) / "cib.xml"
        file.write_text(to_text(cib))
        result = machine.runner.run(
            *("env", f"CIB_file={file}"),
            *("crm_simulate", "--run", "--live-check", "--output-as=xml"),
            timeout=_TIMEOUT,
        )
    return parse_actions(result.stdout)


def _actions(root: etree._Element) -> Iterator[Action]:
    for element in root.iterfind("actions/*"):
        if element.tag == "node_action":
            word = element.get("task", "")
            kind: Kind = "fence" if word.startswith("Fence") else "other"
            node = element.get("node", "")
            yield Action(kind, node, node, None, element.get("reason") or "", word)
        elif element.tag == "rsc_action":
            yield _resource_action(element)


def _resource_action(element: etree._Element) -> Action:
    word = element.get("action", "")
    kind = _KINDS.get(word, "other")
    source, dest = element.get("source"), element.get("dest")
    here = element.get("node") or source or dest
    if kind == "start":
        source, dest = None, here
    elif kind == "stop":
        source, dest = here, None
    elif kind != "move":
        source, dest = here, dest or here
    reason = element.get("reason") or ""
    return Action(kind, element.get("resource", ""), source, dest, reason, word)
