"""What Pacemaker would do with a changed CIB: its own scheduler's answer, from files.

crm_simulate runs the scheduler twice, on the live CIB and on the changed one, so that what the
cluster is about to do in any case is told apart. It is asked with $CIB_file and --live-check, not
with --xml-file: then Pacemaker 2.1 takes a CIB for one whose secrets were taken out, and overlooks
that `user` and `password` have changed (tools/crm_simulate.c, `pcmk_sim_sanitized`). With $CIB_file
no tool talks to the daemons (Pacemaker Administration, "Environment variables").
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lxml import etree

from cib_templates.cib.text import to_text
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.machine import Machine

Kind = Literal["start", "stop", "restart", "reload", "move", "fence", "other"]

# The scheduler's words that need no other one.
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
    """What the cluster does to a resource or a node.

    Attributes:
        kind: What, in a word; a move is a stop there and a start here.
        target: ID of the resource; of a node that is fenced, its name.
        source: The node that has the resource until then, if one has.
        dest: The node that has it afterwards, if one has.
        reason: Why, in the scheduler's words; may be empty.
        word: The scheduler's own word for it.
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
    """Ask Pacemaker's scheduler what it does with a changed CIB.

    Args:
        machine: This machine.
        old: The live CIB with its status.
        new: What it shall be, with the same status.

    Raises:
        ProgramError: crm_simulate is missing or fails.
        ClusterError: It gives no XML.
    """
    # The reason can be another one without the change.
    before = {replace(action, reason="") for action in _ask(machine, old)}
    return tuple(
        replace(action, anyway=replace(action, reason="") in before)
        for action in _ask(machine, new)
    )


def parse_actions(text: str) -> tuple[Action, ...]:
    """Read what crm_simulate's XML output says that the cluster does.

    Raises:
        ClusterError: It is no XML.
    """
    try:
        root = etree.fromstring(text.encode())
    except etree.XMLSyntaxError as error:
        raise ClusterError(f"crm_simulate gave no XML: {error}") from None
    return tuple(_actions(root))


def _ask(machine: Machine, cib: etree._Element) -> tuple[Action, ...]:
    machine.runner.require("crm_simulate")
    # Its mode is 0700: a CIB may say more than everybody should know.
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
