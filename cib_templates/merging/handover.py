"""What only one resource may have at a time, and its passing from one resource to another.

Pacemaker stops a resource that has left the CIB and starts a new one side by side, even on two
nodes. Two resources with the same disk would then have it mounted twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from cib_templates.cib import identity
from cib_templates.cib.nvset import value_of

# By the agent's name: the parameters that say what it is, and how to tell that it is the same.
_EXCLUSIVE: dict[str, list[tuple[tuple[str, ...], Callable[..., str]]]] = {
    "filesystem": [
        (("device",), identity.device),
        (("target", "lun"), identity.lun),
        (("directory",), identity.folder),
    ],
    "ip": [(("ip",), str)],
}


@dataclass(frozen=True)
class Passed:
    """A disk, a mount point or an address that passes from one resource to another.

    Attributes:
        what: Its parameters' values.
        old: ID of the resource that has it now.
        new: ID of the resource that shall have it.
    """

    what: str
    old: str
    new: str


def passed(old: etree._Element, new: etree._Element) -> list[Passed]:
    """Find what would pass from one resource to another.

    Args:
        old: The live CIB.
        new: What it shall be.
    """
    before, after = _owners(old), _owners(new)
    return [
        Passed(what, before[key][0], owner)
        for key, (owner, what) in after.items()
        if key in before and before[key][0] != owner
    ]


def _owners(cib: etree._Element) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the ID of what has it, and how it is called there, for everything exclusive."""
    owners: dict[tuple[str, str], tuple[str, str]] = {}
    for primitive in cib.iterfind("configuration/resources//primitive[@provider='takeover']"):
        for names, key_of in _EXCLUSIVE.get(primitive.get("type", ""), []):
            values = [value_of(primitive, "instance_attributes", name) for name in names]
            found = [value for value in values if value is not None]
            if len(found) == len(names):
                owner = primitive.get("id", "")
                owners[names[0], key_of(*found)] = owner, " ".join(found)
    return owners
