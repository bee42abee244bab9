"""What the cluster will do when a node is fenced, and for how long clients will wait."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.history import read_history
from cib_templates.forecast.outage import seconds_when_fenced
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.pacemaker.simulation import simulate


@dataclass(frozen=True)
class Expected:
    """What becomes of a service when a node is fenced.

    Attributes:
        service: The ID of the service.
        dest: The node on which it will run; empty if it runs nowhere before the node is back.
        elsewhere: Whether it goes on running on other nodes meanwhile, as a clone does.
        seconds: For how long its clients will wait; None if nothing was measured yet.
    """

    service: str
    dest: str
    elsewhere: bool
    seconds: float | None

    @property
    def is_lost(self) -> bool:
        """Whether its clients wait until the node is back."""
        return not self.dest and not self.elsewhere


def expected(
    machine: Machine, node: str, state: ClusterState, live: etree._Element
) -> tuple[Expected, ...]:
    """Ask Pacemaker's scheduler what it does when a node is fenced.

    Args:
        machine: This machine.
        node: The node's name.
        state: The state of the cluster.
        live: The live CIB.

    Raises:
        ProgramError: crm_simulate is missing or fails.
        ClusterError: It prints no XML.
    """
    actions = simulate(machine, live, without(live, node))
    history, devices = read_history(live), [device.id for device in state.fencing]
    found = []
    for resource in state.resources:
        parts = {part.id for part in resource.parts}
        if not any(node in part.nodes for part in resource.parts):
            continue
        moves = [each for each in actions if each.target in parts and each.kind == "move"]
        others = {name for part in resource.parts for name in part.nodes} - {node}
        dest = next((each.dest for each in moves if each.dest), "")
        found.append(
            Expected(
                resource.id,
                dest,
                bool(others),
                seconds_when_fenced(
                    [part.id for part in resource.parts], devices, history, is_dc=state.dc == node
                )
                if dest
                else None,
            )
        )
    return tuple(found)


def without(live: etree._Element, node: str) -> etree._Element:
    """Return a copy of a live CIB in which a node has just left the cluster without a word."""
    lost = copy.deepcopy(live)
    for element in lost.iterfind("status/node_state"):
        if element.get("uname") == node:
            element.set("in_ccm", "false")
            element.set("crmd", "offline")
            element.set("expected", "member")
    return lost
