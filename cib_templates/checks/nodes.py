"""What is wrong with a description's nodes, and with the names of nodes in its other tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cib_templates.cib import ids
from cib_templates.cib.secrecy.secrets import is_secret
from cib_templates.findings import Finding, KeyPath, error
from cib_templates.model.attributes import is_an_agents
from cib_templates.model.description import Description

NODE_NAMES_DIFFER_IN_CASE = error(
    "node-names-differ-in-case",
    "Two nodes have names that differ in upper and lower case only; host names have no case.",
)
NODE_IS_LOCALHOST = error(
    "node-is-localhost",
    "A node is called localhost, as every machine calls itself.",
)
LINKS_DIFFER = error(
    "links-differ",
    "Nodes have different numbers of links; Corosync needs an address of every node on each link.",
)
NODE_UNKNOWN = error("node-unknown", "A node is named that the description does not have.")
NODE_NAMED_TWICE = error("node-named-twice", "A node is named twice in one list.")
ATTRIBUTE_HAS_A_KEY = error(
    "attribute-has-a-key",
    "A node attribute is set for which a node's table has a key of its own.",
)
ATTRIBUTE_IS_TAKEOVERS = error(
    "attribute-is-takeovers", "A node attribute has a name that Takeover uses for itself."
)
ATTRIBUTE_IS_AN_AGENTS = error(
    "attribute-is-an-agents",
    "A node attribute has a name in which an agent keeps what it knows; a value that is written "
    "back later would be false, and the agent decides by it.",
)
NODE_SECRET = error(
    "secret-in-node-attribute",
    "A node attribute holds a secret, which every node's CIB and every report would show.",
)


def check_nodes(description: Description, nodes: Collection[str]) -> Iterator[Finding]:
    """Find what is wrong with nodes and with their names.

    Args:
        description: What could be read of the description.
        nodes: Names of all nodes that are written, also of those that could not be read.
    """
    yield from _names(nodes)
    yield from _links(description)
    yield from _unknown(description, nodes)
    yield from _attributes(description)


def _names(nodes: Collection[str]) -> Iterator[Finding]:
    by_spelling: dict[str, str] = {}
    for name in nodes:
        other = by_spelling.setdefault(name.casefold(), name)
        if other != name:
            yield NODE_NAMES_DIFFER_IN_CASE.at(
                ("nodes", name),
                f"differs from {other} in case only",
                "host names have no case: choose another name",
            )
        if name.casefold().split(".")[0] == "localhost":
            yield NODE_IS_LOCALHOST.at(
                ("nodes", name),
                "every machine calls itself localhost",
                "name it as the other nodes know it (uname -n)",
            )


def _links(description: Description) -> Iterator[Finding]:
    first, *others = description.nodes
    expected = len(description.nodes[first].links)
    for name in others:
        links = len(description.nodes[name].links)
        if links != expected:
            yield LINKS_DIFFER.at(
                ("nodes", name, "links"),
                f"has {links} links, but {first} has {expected}",
                "every node has an address on every link",
            )


def _unknown(description: Description, nodes: Collection[str]) -> Iterator[Finding]:
    lists: list[tuple[KeyPath, Collection[str]]] = []
    for name, fencing in description.fencing.items():
        lists.append((("fencing", name, "nodes"), fencing.nodes or ()))
        lists.append((("fencing", name, "plugs"), fencing.plugs or ()))
    for name, service in description.services.items():
        lists.append((("services", name, "nodes"), service.nodes))
        lists.append((("services", name, "never_on"), service.never_on))
        lists.append((("services", name, "preferences"), service.preferences))
    for path, named in lists:
        seen = set()
        for index, node in enumerate(named):
            place = (*path, index if isinstance(named, list) else node)
            if node not in nodes:
                known = ", ".join(nodes)
                yield NODE_UNKNOWN.at(place, f"there is no node {node!r}", f"[nodes] has {known}")
            elif node in seen:
                yield NODE_NAMED_TWICE.at(place, f"{node!r} is named twice", "name each node once")
            seen.add(node)


def _attributes(description: Description) -> Iterator[Finding]:
    for name, node in description.nodes.items():
        for attribute, value in node.attributes.items():
            path = ("nodes", name, "attributes", attribute)
            if attribute in ("standby", "maintenance"):
                yield ATTRIBUTE_HAS_A_KEY.at(
                    path, "has a key of its own", f"use nodes.{name}.{attribute} instead"
                )
            elif attribute == ids.SETS:
                yield ATTRIBUTE_IS_TAKEOVERS.at(
                    path, "is a name that Takeover uses for itself", "choose another name"
                )
            elif is_an_agents(attribute):
                yield ATTRIBUTE_IS_AN_AGENTS.at(
                    path,
                    "an agent keeps this, and changes it by itself: an old value would be written "
                    "back",
                    "leave it out; it stays as it is",
                )
            elif is_secret(attribute, value):
                yield NODE_SECRET.at(
                    path, "a secret must not be in the description", "leave it out"
                )
