"""Reading who votes for a cluster's quorum, and how many votes it needs, from Corosync.

The output is that of corosync-quorumtool(8) of Corosync 3; it has no other form for programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.machine import Machine

_TOOL = "corosync-quorumtool"
_TIMEOUT = 10.0
# Its exit codes say whether there is quorum, too.
_ANSWERS = range(-64, 256)
_NUMBER = re.compile(r"^(Expected votes|Total votes|Quorum):\s+(\d+)", re.MULTILINE)
_FLAGS = re.compile(r"^Flags:[ \t]+(.*)$", re.MULTILINE)
# A member's line begins with its ID and its votes.
_MEMBER = re.compile(r"^\s*([1-9]\d*)\s+(\d+)\s+\S", re.MULTILINE)
# The quorum device's line has no node's ID, and no name but this one.
_DEVICE = re.compile(r"^\s*0\s+(\d+)\s.*\bQdevice\b(?:\s*\(votes (\d+)\))?", re.MULTILINE)


@dataclass(frozen=True)
class Witness:
    """A host outside of the cluster that votes (corosync-qdevice(8)).

    Attributes:
        host: Its name; empty if Corosync's configuration does not say it.
        votes: How many votes it has.
        is_voting: Whether it votes for this part of the cluster now.
    """

    host: str
    votes: int
    is_voting: bool


@dataclass(frozen=True)
class Votes:
    """The votes of this part of the cluster.

    Attributes:
        expected: How many there are when all nodes and the witness are there.
        total: How many there are now.
        needed: How many quorum needs.
        witness: Who votes beside the nodes; None if there is no quorum device.
        members: The votes of each node that is a member of this part, by the ID that Corosync
            knows it by.
        flags: What Corosync calls its settings, such as `2Node` or `WaitForAll`.
    """

    expected: int
    total: int
    needed: int
    witness: Witness | None
    members: Mapping[str, int] = field(default_factory=dict, compare=False)
    flags: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def nodes(self) -> int:
        """How many votes the nodes have now, one each."""
        return self.total - (self.witness.votes if self.witness and self.witness.is_voting else 0)


def read_votes(machine: Machine) -> Votes | None:
    """Return the votes; None if Corosync does not tell them, as it does to root alone.

    Args:
        machine: This machine.
    """
    if machine.runner.find(_TOOL) is None:
        return None
    try:
        result = machine.runner.run(_TOOL, "-s", timeout=_TIMEOUT, ok=_ANSWERS)
    except ProgramError:
        return None
    return parse_votes(result.stdout, _configuration(machine))


def _configuration(machine: Machine) -> str:
    try:
        return machine.corosync_conf.read_text(errors="replace")
    except OSError:
        return ""


def parse_votes(text: str, configuration: str) -> Votes | None:
    """Return the votes that corosync-quorumtool has printed; None if it has printed none.

    Args:
        text: Its output.
        configuration: The text of corosync.conf.
    """
    numbers = {name: int(number) for name, number in _NUMBER.findall(text)}
    if numbers.keys() != {"Expected votes", "Total votes", "Quorum"}:
        return None
    witness = None
    if found := _DEVICE.search(text):
        host = next(_hosts(configuration), "")
        voting = int(found[1])
        witness = Witness(host, voting or int(found[2] or 0), is_voting=voting > 0)
    _, _, membership = text.partition("Membership information")
    flags = _FLAGS.search(text)
    return Votes(
        numbers["Expected votes"],
        numbers["Total votes"],
        numbers["Quorum"],
        witness,
        {identity: int(votes) for identity, votes in _MEMBER.findall(membership)},
        frozenset(flags[1].split() if flags else ()),
    )


def _hosts(configuration: str) -> Iterator[str]:
    """Yield the quorum device's host (corosync.conf(5), "quorum", "device", "net")."""
    sections: list[str] = []
    for line in map(str.strip, configuration.splitlines()):
        if line.endswith("{"):
            sections.append(line[:-1].strip())
        elif line == "}":
            sections = sections[:-1]
        elif sections == ["quorum", "device", "net"] and line.startswith("host:"):
            yield line.removeprefix("host:").strip()
