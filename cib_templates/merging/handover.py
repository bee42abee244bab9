"""What only one resource may have at a time, and its passing from one resource to another.

Pacemaker stops a resource that has left the CIB and starts a new one side by side, even on two
nodes. Two resources with the same disk would then have it mounted twice. If the one that has it
stays, both have it for good.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.exclusive import exclusive
from cib_templates.cib.nvset import pairs_of
from cib_templates.comparing.attributes import agent_of


@dataclass(frozen=True)
class Passed:
    """A disk, a mount point or an address that passes from one resource to another.

    Attributes:
        what: Its parameters' values.
        old: ID of the resource that has it now.
        new: ID of the resource that shall have it.
        stays: Whether the one that has it now has it afterwards, too.
    """

    what: str
    old: str
    new: str
    stays: bool = False


def passed(old: etree._Element, new: etree._Element) -> list[Passed]:
    """Find what would pass from one resource to another, or what another one would have, too.

    Args:
        old: The live CIB.
        new: What it shall be.
    """
    before, after = _owners(old), _owners(new)
    found = []
    for key, owners in after.items():
        had = before.get(key)
        gains = [owner for owner in owners if had and owner not in had]
        if had and gains:
            holder = next((owner for owner in had if owner in owners), next(iter(had)))
            found += [Passed(owners[each], holder, each, holder in owners) for each in gains]
    return found


def _owners(cib: etree._Element) -> dict[tuple[str, str], dict[str, str]]:
    """Return, for everything exclusive, the IDs of what has it, and how each of them calls it."""
    owners: dict[tuple[str, str], dict[str, str]] = {}
    for primitive in cib.iterfind("configuration/resources//primitive"):
        parameters = pairs_of(primitive, "instance_attributes")
        for each in exclusive(agent_of(primitive), parameters):
            of_this = owners.setdefault((each.kind, each.key), {})
            of_this[primitive.get("id", "")] = each.shown
    return owners
