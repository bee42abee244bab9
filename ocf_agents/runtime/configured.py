"""What other resources are configured to have, for an action that finds something it has not made.

Pacemaker keeps the configuration on each node in a file, and moves it into place whole. Reading it
asks nobody, so it works also while the cluster has no time for questions.
"""

from __future__ import annotations

CIB = "/var/lib/pacemaker/cib/cib.xml"
COROSYNC = "/etc/corosync/corosync.conf"


def others(instance: str, *names: str) -> list[tuple[str, dict[str, str]]]:
    """Return the other resources that have some parameters, each by ID with those parameters.

    None if there is no configuration here that can be read.

    Args:
        instance: The name of the resource that asks; a clone's with the number of its instance.
        names: The names of the parameters.
    """
    from xml.etree import ElementTree as Xml

    try:
        root = Xml.parse(CIB).getroot()  # noqa: S314 - only Pacemaker writes it
    except (OSError, Xml.ParseError):
        return []
    found = []
    for primitive in root.iterfind("configuration/resources//primitive"):
        identity = primitive.get("id", "")
        values = {
            pair.get("name", ""): pair.get("value", "")
            for pair in primitive.iterfind("instance_attributes/nvpair")
            if pair.get("name") in names
        }
        if values and identity != instance.partition(":")[0]:
            found.append((identity, values))
    return found


def addresses_of_nodes() -> set[str]:
    """Return the addresses by which the nodes of the cluster know each other, as written."""
    try:
        with open(COROSYNC, encoding="utf-8", errors="replace") as file:
            lines = [line.partition(":") for line in file]
    except OSError:
        return set()
    links = [(key.strip(), value.strip()) for key, _, value in lines]
    return {value for key, value in links if key.startswith("ring") and key.endswith("_addr")}
