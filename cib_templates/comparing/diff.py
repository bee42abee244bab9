"""What differs between a live CIB and what it shall be, in the description's words.

The whole configuration is compared, object by object, whoever made them. The order in which the
pairs of a set are written makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.ids import PROPERTIES_ID
from cib_templates.cib.numbers import whole_number
from cib_templates.cib.nvset import value_of
from cib_templates.cib.record import is_record
from cib_templates.comparing.attributes import RESOURCES, Secret, attributes_of, guarded

ChangeKind = Literal["created", "changed", "removed"]

_SCORE = "score on "
# How an object is called that the description has no word for.
_NAMES = {
    "rsc_location": "location constraint",
    "rsc_colocation": "colocation constraint",
    "rsc_order": "order constraint",
    "rsc_ticket": "ticket constraint",
    "cluster_property_set": "property set",
}


@dataclass(frozen=True)
class AttributeDiff:
    """An attribute of an object whose value differs.

    Attributes:
        name: Its name, in the description's words or else the CIB's.
        old: The live cluster's value; None if there is none.
        new: What it shall be; None if there shall be none.
    """

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class ObjectDiff:
    """An object that is created, changed or removed.

    Attributes:
        change: What becomes of it.
        what: Its kind: `service`, `filesystem`, `property` and so on.
        name: Its ID; a property's name.
        service: The service that it belongs to, if it does.
        attributes: The attributes that differ: all of a created object's, none of a removed one's.
    """

    change: ChangeKind
    what: str
    name: str
    service: str | None
    attributes: tuple[AttributeDiff, ...]


@dataclass(frozen=True)
class Diff:
    """What differs between two CIBs.

    Attributes:
        differences: The objects that differ, a service before its parts.
        unchanged: The services that do not differ, nor any of their parts.
    """

    differences: tuple[ObjectDiff, ...]
    unchanged: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.differences)


@dataclass
class _Object:
    """An object of one CIB.

    Attributes:
        element: Where it is; a property has none.
        own: Its attributes that are not in its element.
    """

    what: str
    name: str
    service: str | None
    element: etree._Element | None
    own: dict[str, str] = field(default_factory=dict)


_Objects = dict[tuple[str, str], _Object]


def diff(old: etree._Element, new: etree._Element) -> Diff:
    """Compare the configurations of two CIBs.

    Args:
        old: The live CIB.
        new: What it shall be.
    """
    before, after = _objects(old), _objects(new)
    differences = []
    for key in [*after, *(key for key in before if key not in after)]:
        was, shall = before.get(key), after.get(key)
        if was and shall:
            if found := _compare(was, shall):
                differences.append(_difference("changed", shall, found))
        elif shall:
            values = _values(shall).items()
            shown = tuple(_attribute(name, None, each) for name, each in values if _is_shown(name))
            differences.append(_difference("created", shall, shown))
        elif was:
            differences.append(_difference("removed", was, ()))
    touched = {found.service for found in differences}
    services = (found.name for found in after.values() if found.what == "service")
    return Diff(tuple(differences), tuple(name for name in services if name not in touched))


def _difference(change: ChangeKind, what: _Object, found: tuple[AttributeDiff, ...]) -> ObjectDiff:
    return ObjectDiff(change, what.what, what.name, what.service, found)


def _compare(old: _Object, new: _Object) -> tuple[AttributeDiff, ...]:
    if old.own == new.own and _text(old) == _text(new):
        return ()
    was, shall = _values(old), _values(new)
    found = [
        _attribute(name, was.get(name), shall.get(name))
        for name in {**was, **shall}
        if was.get(name) != shall.get(name)
    ]
    if any(each.name == "nodes" for each in found):
        # Other scores follow from another order.
        found = [each for each in found if not _is_score(each.name)]
    if not found and _inner_ids(old) != _inner_ids(new):
        found = [AttributeDiff("XML IDs", ", ".join(_inner_ids(old)), ", ".join(_inner_ids(new)))]
    return tuple(found)


def _attribute(name: str, old: str | None, new: str | None) -> AttributeDiff:
    if isinstance(old, Secret):
        return AttributeDiff(name, "(a secret)", None if new is None else "(another secret)")
    return AttributeDiff(name, old, "(a secret)" if isinstance(new, Secret) else new)


def _values(what: _Object) -> dict[str, str]:
    return what.own | (attributes_of(what.element) if what.element is not None else {})


def _text(what: _Object) -> bytes:
    """Return what is quick to compare: equal text means the same."""
    return b"" if what.element is None else etree.tostring(what.element, with_tail=False)


def _inner_ids(what: _Object) -> list[str]:
    return sorted(
        str(inner.get("id"))
        for child in (what.element if what.element is not None else ())
        if isinstance(child.tag, str) and child.tag not in RESOURCES
        for inner in child.iter(etree.Element)
        if inner.get("id")
    )


def _objects(cib: etree._Element) -> _Objects:
    """Return a configuration's objects by kind and ID, those of a service behind it."""
    found: _Objects = {}
    ranks: dict[str, list[tuple[str, str]]] = {}
    for child in cib.iterfind("configuration/*/*"):
        if is_record(child):
            continue
        if child.tag in RESOURCES:
            found |= {("resource", each.name): each for each in _resources(child, None)}
        elif child.tag == "cluster_property_set":
            found |= {(each.what, each.name): each for each in _properties(child)}
        elif _is_rank(child, found):
            score = child.get("score", "")
            ranks.setdefault(child.get("rsc", ""), []).append((score, child.get("node", "")))
        elif isinstance(child.tag, str):
            tag, name = str(child.tag), child.get("id", "")
            found[tag, name] = _Object(_NAMES.get(tag, tag), name, None, child)
    for service, ranked in ranks.items():
        found["resource", service].own = _places(ranked)
    return found


def _resources(element: etree._Element, service: str | None) -> Iterator[_Object]:
    """Yield a resource and those in it."""
    kind, *path = (value_of(element, "meta_attributes", ids.MARK) or "").split(".")
    name = element.get("id", "")
    what = str(element.tag)
    if kind == "fencing":
        what = "fencing device"
    elif kind == "services" and len(path) == 1:
        # The group in a service's clone is no service of its own.
        what, service = ("service", name) if service is None else (what, service)
    elif kind == "services":
        what = path[1]
    yield _Object(what, name, service, element)
    for child in element:
        if child.tag in RESOURCES:
            yield from _resources(child, service)


def _properties(properties: etree._Element) -> Iterator[_Object]:
    identity = properties.get("id", "")
    where = "" if identity == PROPERTIES_ID else f" in {identity}"
    for child in properties:
        if child.tag == "nvpair":
            name = child.get("name", "")
            value = {"value": guarded(name, child.get("value", ""))}
            yield _Object("property", f"{name}{where}", None, None, value)
        elif isinstance(child.tag, str):
            yield _Object("property set", f"{identity} {child.get('id')}", None, child)


def _is_rank(constraint: etree._Element, found: _Objects) -> bool:
    """Return whether a constraint is what a service's list of nodes becomes, and nothing else."""
    service = found.get(("resource", constraint.get("rsc", "")))
    return (
        constraint.tag == "rsc_location"
        and service is not None
        and service.what == "service"
        and constraint.get("id") in _rank_ids(service.name, constraint.get("node", ""))
        and set(constraint.attrib) == {"id", "rsc", "node", "score"}
        and len(constraint) == 0
    )


def _rank_ids(service: str, node: str) -> tuple[str, str]:
    return ids.preference_id(service, node), ids.avoidance_id(service, node)


def _places(ranked: list[tuple[str, str]]) -> dict[str, str]:
    """Return where a service may run, the preferred node first."""
    places = {}
    allowed = [(score, node) for score, node in ranked if score != "-INFINITY"]
    if all(whole_number(score) is not None for score, _ in allowed):
        allowed.sort(key=lambda each: -(whole_number(each[0]) or 0))
    places["nodes"] = ", ".join(node for _, node in allowed)
    if len(allowed) < len(ranked):
        places["never on"] = ", ".join(node for score, node in ranked if score == "-INFINITY")
    return places | {f"{_SCORE}{node}": score for score, node in ranked}


def _is_shown(name: str) -> bool:
    """Return whether an attribute of a new object is news: no mark, and not the score of a node."""
    return not _is_score(name) and not name.startswith(f"meta {ids.MARK}")


def _is_score(name: str) -> bool:
    return name.startswith(_SCORE)
