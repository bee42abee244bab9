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
        tie_breaker: The setting auto_tie_breaker_node (votequorum(5)): `lowest`, `highest`, or IDs
            of nodes.
    """

    expected: int
    total: int
    needed: int
    witness: Witness | None
    members: Mapping[str, int] = field(default_factory=dict, compare=False)
    flags: frozenset[str] = field(default=frozenset(), compare=False)
    tie_breaker: str = field(default="lowest", compare=False)

    @property
    def nodes(self) -> int:
        """How many votes the nodes have now, one each."""
        return self.total - (self.witness.votes if self.witness and self.witness.is_voting else 0)

    @property
    def breaks_ties(self) -> str:
        """The ID of the member whose half decides, with auto_tie_breaker; empty if none is."""
        if self.tie_breaker in ("lowest", "highest"):
            in_order = sorted(self.members, key=int, reverse=self.tie_breaker == "highest")
        else:
            in_order = [each for each in self.tie_breaker.split() if each in self.members]
        return next(iter(in_order), "")


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
        host = next(_values(configuration, ["quorum", "device", "net"], "host"), "")
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
        next(_values(configuration, ["quorum"], "auto_tie_breaker_node"), "lowest"),
    )


def _values(configuration: str, of: list[str], key: str) -> Iterator[str]:
    """Yield the values of a key in a section, which is named with those that it is in."""
    sections: list[str] = []
    for line in map(str.strip, configuration.splitlines()):
        if line.endswith("{"):
            sections.append(line[:-1].strip())
        elif line == "}":
            sections = sections[:-1]
        elif sections == of and line.startswith(f"{key}:"):
            yield line.removeprefix(f"{key}:").strip()
