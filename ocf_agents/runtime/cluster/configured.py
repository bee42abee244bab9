"""What other resources are configured to have, for an action that finds something it has not made.

Pacemaker keeps the configuration on each node in a file, and moves it into place whole. Reading it
asks nobody, so it works also while the cluster has no time for questions.
"""

from __future__ import annotations

CIB = "/var/lib/pacemaker/cib/cib.xml"
COROSYNC = "/etc/corosync/corosync.conf"


TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def others(instance: str, *names: str) -> list[tuple[str, dict[str, str]]]:
    """Return the other resources that have some parameters, each by ID with those parameters.

    None if there is no configuration here that can be read.

    Args:
        instance: The name of the resource that asks; a clone's with the number of its instance.
        names: The names of the parameters.
    """
    found = []
    root = _configuration()
    for primitive in () if root is None else root.iterfind("configuration/resources//primitive"):
        identity = primitive.get("id", "")
        values = {
            pair.get("name", ""): pair.get("value", "")
            for pair in primitive.iterfind("instance_attributes/nvpair")
            if pair.get("name") in names
        }
        if values and identity != instance.partition(":")[0]:
            found.append((identity, values))
    return found


def are_together(instance: str, other: str) -> bool:
    """Tell whether two resources always run on the same node, so that they may share something.

    Args:
        instance: The name of a resource; a clone's with the number of its instance.
        other: The name of another one.
    """
    root = _configuration()
    if root is None:
        return False
    names = {instance.partition(":")[0]}, {other.partition(":")[0]}
    for outermost in root.iterfind("configuration/resources/*"):
        within = {each.get("id", "") for each in outermost.iter()}
        inside = [not found.isdisjoint(within) for found in names]
        if all(inside):
            return True
        for found, is_in in zip(names, inside, strict=True):
            if is_in:
                found.add(outermost.get("id", ""))
    return any(
        each.get("score") == "INFINITY"
        and {each.get("rsc"), each.get("with-rsc")} & names[0]
        and {each.get("rsc"), each.get("with-rsc")} & names[1]
        for each in root.iterfind("configuration/constraints/rsc_colocation")
    )


def addresses_of_nodes() -> set[str]:
    """Return the addresses by which the nodes of the cluster know each other, as written."""
    try:
        with open(COROSYNC, encoding="utf-8", errors="replace") as file:
            lines = [line.partition(":") for line in file]
    except OSError:
        return set()
    links = [(key.strip(), value.strip()) for key, _, value in lines]
    return {value for key, value in links if key.startswith("ring") and key.endswith("_addr")}


def _configuration() -> Element | None:
    """Return the CIB on this node; None if there is none that can be read."""
    from xml.etree import ElementTree as Xml

    try:
        return Xml.parse(CIB).getroot()  # noqa: S314 - only Pacemaker writes it
    except (OSError, Xml.ParseError):
        return None
