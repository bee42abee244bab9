"""Whether Pacemaker manages a resource now, by the configuration that it keeps on this node's disk.

In maintenance whatever ends is meant to end. Pacemaker would not recover from a failure that is
reported then, but count it. Rules in the configuration are not followed.
"""

from __future__ import annotations

from pyexpat import ExpatError, ParserCreate

from ocf_agents.runtime.parameters import FALSE, TRUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CIB = "/var/lib/pacemaker/cib/cib.xml"
RESOURCES = ("primitive", "group", "clone", "master", "bundle", "template")
PROPERTIES, DEFAULTS = "crm_config", "rsc_defaults"
# The sets of name-value pairs that count, by what has them.
SETS = dict.fromkeys((*RESOURCES, DEFAULTS), "meta_attributes")
SETS |= {PROPERTIES: "cluster_property_set", "node": "instance_attributes"}


def is_managed(resource: str, node: str) -> bool:
    """Tell whether Pacemaker acts on a resource on a node; True if that cannot be known."""
    try:
        with open(CIB, "rb") as file:
            cib = _Cib(file.read())
    except (OSError, ExpatError):
        return True
    if cib.value("maintenance-mode", PROPERTIES) in TRUE:
        return False
    if cib.value("maintenance", f"node {node}") in TRUE:
        return False
    # "Pacemaker Explained", "Resource Meta-Attributes": a resource's own value comes first.
    owners = [*cib.lineage(resource.partition(":")[0]), DEFAULTS]
    if cib.value("maintenance", *owners) in TRUE:
        return False
    return cib.value("is-managed", *owners) not in FALSE


class _Cib:
    """The name-value pairs of a CIB by what has them, and which resource is in which.

    Args:
        text: The CIB.

    Raises:
        ExpatError: It is no XML.
    """

    def __init__(self, text: bytes) -> None:
        self._path: list[tuple[str, str]] = []  # the open elements, and the names of owners
        self._sets: dict[str, dict[str, str]] = {}  # by ID
        self._owned: dict[str, list[str]] = {}  # the IDs of each owner's sets
        self._above: dict[str, list[str]] = {}  # a resource's template, and what it is in
        parser = ParserCreate()
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.Parse(text, True)

    def value(self, name: str, *owners: str) -> str:
        """Return the value that the first of some owners has for a name, in small letters."""
        sets = (self._sets.get(id, {}) for owner in owners for id in self._owned.get(owner, []))
        return next((values[name].lower() for values in sets if name in values), "")

    def lineage(self, resource: str) -> Iterator[str]:
        """Yield a resource, and whatever it inherits from."""
        yield resource
        for above in self._above.get(resource, []):
            yield from self.lineage(above)

    def _begin(self, element: str, attributes: dict[str, str]) -> None:
        inside, owner = self._path[-1] if self._path else ("", "")
        name = attributes.get("id", "")
        if element in RESOURCES:
            above = [name for kind, name in reversed(self._path) if kind in RESOURCES]
            template = attributes.get("template")
            self._above[name] = ([template] if template else []) + above[:1]
        elif element in (PROPERTIES, DEFAULTS):
            name = element
        elif element == "node":
            name = f"node {attributes.get('uname')}"
        elif element == SETS.get(inside):
            name = attributes.get("id-ref") or name
            self._owned.setdefault(owner, []).append(name)
        elif element == "nvpair":
            values = self._sets.setdefault(owner, {})
            values.setdefault(attributes.get("name", ""), attributes.get("value", ""))
        self._path.append((element, name))

    def _end(self, _: str) -> None:
        self._path.pop()
