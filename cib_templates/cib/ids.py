"""The IDs that a description's entities have in the CIB: readable, and the same every time."""

from __future__ import annotations

import re

# A name in a description, of which IDs are made. An ID in the CIB is an XML NCName; these are the
# NCNames that are also comfortable in a shell.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# The longest ID. The agents make names of files, with more before and behind it, of at most 255
# bytes.
LONGEST = 200
# The elements whose `id` is another element's.
REFERENCES = ("resource_ref", "obj_ref", "role")
# How the meta attribute is called that marks a resource as Takeover's. Its value is the path of
# the description's table that the resource is made from. Pacemaker ignores what it does not know.
MARK = "takeover"
# The meta, node or cluster attribute that lists which others beside it are the description's, so
# that they go when it no longer has them, and an administrator's stay.
SETS = "takeover-sets"
# The meta attribute that marks what others made and a description took over. Its value has the IDs
# of what came with it and can have no mark: the resource itself, its constraints, its fencing
# levels. The cluster attribute of this name has the properties that were left as they were.
ADOPTED = "takeover-adopted"
# The names of all that Takeover writes beside what a description says; none of it acts.
MARKS = frozenset((MARK, SETS, ADOPTED))
# The tag whose references say which elements come from the description's fragments.
FRAGMENTS = "takeover-fragments"
# The record of the last changes: see the module `record`.
HISTORY = "takeover-history"


def fencing_id(device: str) -> str:
    """Return the ID of a fencing device's primitive."""
    return f"fence-{device}"


def level_id(node: str, index: int | str) -> str:
    """Return the ID of a node's fencing level."""
    # A node's name may begin with a digit, an ID may not.
    return f"takeover-level-{node}-{index}"


def part_id(service: str, kind: str, name: str | None) -> str:
    """Return the ID of the primitive of a service's part."""
    return f"{service}-{kind}-{name}" if name else f"{service}-{kind}"


def copy_id(service: str) -> str:
    """Return the ID of the group that runs on each node, of a service of the pattern everywhere."""
    return f"{service}-group"


def mirror_id(service: str) -> str:
    """Return the ID of the promotable clone of a service's mirror."""
    return f"{service}-mirror"


def disk_id(service: str) -> str:
    """Return the ID of the primitive in it."""
    return f"{service}-mirror-disk"


def preference_id(service: str, node: str) -> str:
    """Return the ID of the constraint by which a service prefers a node."""
    return f"{service}-prefers-{node}"


def avoidance_id(service: str, node: str) -> str:
    """Return the ID of the constraint that keeps a service from a node."""
    return f"{service}-avoids-{node}"


def together_id(service: str, other: str) -> str:
    """Return the ID of the constraint that keeps a service with another, or with its mirror."""
    return f"{service}-with-{other}"


def apart_id(service: str, other: str) -> str:
    """Return the ID of the constraint that keeps a service apart from another."""
    return f"{service}-apart-from-{other}"


def after_id(service: str, other: str) -> str:
    """Return the ID of the constraint that starts a service after another, or after its mirror."""
    return f"{service}-after-{other}"


def pattern_id(pattern: str) -> str:
    """Return the ID of the constraint that keeps all services of a pattern apart."""
    return f"takeover-{pattern}-apart"


# By a constraint's element: the attribute that names the resource that it is of, and what follows
# that in Takeover's IDs.
CONSTRAINTS = {
    "rsc_location": ("rsc", ("-prefers-", "-avoids-")),
    "rsc_colocation": ("rsc", ("-with-", "-apart-from-")),
    "rsc_order": ("then", ("-after-",)),
}
# The patterns whose services are kept apart.
PATTERNS_APART = ("mutual", "spare")
# pcs's own set, so that `pcs property` shows and changes what is here.
PROPERTIES_ID = "cib-bootstrap-options"
