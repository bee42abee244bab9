"""Pacemaker's patch sets of format 2: what crm_diff makes of two CIBs, and what becomes of one.

As lib/common/patchset.c has it: objects are found by their paths, whatever else has changed; what
is deleted may be gone already, and everything else must still be there. A changed object gets all
of its attributes as they were when the patch was made. Comments are left out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from lxml import etree

#: The attributes of a CIB that make its version, the weightiest first.
VERSION = ("admin_epoch", "epoch", "num_updates")


class DoesNotFit(Exception):
    """A patch set changes something that is not there."""


def difference(
    old: etree._Element, new: etree._Element, *, with_versions: bool = True
) -> etree._Element | None:
    """Return the patch set that makes one CIB of another; None if they are the same.

    Args:
        old: The CIB before.
        new: The CIB after.
        with_versions: Whether the patch set says which versions it is for and makes.
    """
    patch = etree.Element("diff", format="2")
    if with_versions:
        version = etree.SubElement(patch, "version")
        for name, cib in (("source", old), ("target", new)):
            etree.SubElement(version, name, dict(zip(VERSION, version_of(cib), strict=True)))
    changes = [*_deleted(old, new, "/cib"), *_changed(old, new, "/cib")]
    patch.extend(changes)
    return patch if changes else None


def patched(cib: etree._Element, patch: etree._Element) -> etree._Element:
    """Return a CIB with a patch set applied; it is not modified itself.

    Raises:
        DoesNotFit: Something that it changes is not there.
    """
    tree = etree.ElementTree(copy.deepcopy(cib))
    moved: list[tuple[int, etree._Element, etree._Element]] = []
    for change in patch.iterfind("change"):
        operation, path = change.get("operation"), change.get("path", "")
        found = tree.find(path.removeprefix("/cib").lstrip("/")) if path != "/cib" else None
        match = tree.getroot() if path == "/cib" else found
        if match is None:
            if operation == "delete":
                continue
            raise DoesNotFit(path)
        position = int(change.get("position", "0"))
        if operation == "delete":
            _parent(match).remove(match)
        elif operation == "modify":
            match.attrib.clear()
            match.attrib.update(dict(change[-1][0].attrib))
        elif operation == "create":
            moved.append((position, match, copy.deepcopy(change[0])))
        else:
            parent = _parent(match)
            parent.remove(match)
            parent.append(match)
            moved.append((position, parent, match))
    for position, parent, child in sorted(moved, key=lambda each: each[0]):
        parent.insert(position, child)
    target = patch.find("version/target")
    if target is not None:
        for name in VERSION:
            tree.getroot().set(name, target.get(name, "0"))
    return tree.getroot()


def version_of(cib: etree._Element) -> tuple[str, str, str]:
    """Return the version of a CIB, or that which a patch set is for or makes."""
    admin_epoch, epoch, updates = (cib.get(name, "0") for name in VERSION)
    return admin_epoch, epoch, updates


def _deleted(old: etree._Element, new: etree._Element, path: str) -> Iterator[etree._Element]:
    """Yield a change for each object that has gone; deletions come first in a patch set."""
    present = {_step(child): child for child in _children(new)}
    for child in _children(old):
        step = _step(child)
        if step not in present:
            yield etree.Element("change", operation="delete", path=f"{path}/{step}")
        else:
            yield from _deleted(child, present[step], f"{path}/{step}")


def _changed(old: etree._Element, new: etree._Element, path: str) -> Iterator[etree._Element]:
    """Yield a change for each object that is new, is elsewhere or has other attributes."""
    if _attributes(old) != _attributes(new):
        change = etree.Element("change", operation="modify", path=path)
        listed = etree.SubElement(change, "change-list")
        before, after = _attributes(old), _attributes(new)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                value = {"operation": "set", "value": after[name]} if name in after else {}
                each = {"name": name} | (value or {"operation": "unset"})
                etree.SubElement(listed, "change-attr", each)
        result = etree.SubElement(change, "change-result")
        etree.SubElement(result, new.tag, dict(new.attrib))
        yield change
    kept = {_step(child) for child in _children(new)}
    before_them = {_step(child): child for child in _children(old) if _step(child) in kept}
    order = list(before_them)
    for position, child in enumerate(_children(new)):
        step = _step(child)
        if step not in before_them:
            order.insert(position, step)
            change = etree.Element("change", operation="create", path=path, position=str(position))
            created = copy.deepcopy(child)
            created.tail = None
            change.append(created)
            yield change
            continue
        if order[position] != step:
            order.remove(step)
            order.insert(position, step)
            yield etree.Element(
                "change", operation="move", path=f"{path}/{step}", position=str(position)
            )
        yield from _changed(before_them[step], child, f"{path}/{step}")


def _attributes(element: etree._Element) -> dict[str, str]:
    """Return an object's attributes; a CIB's version is told apart from them."""
    skipped = VERSION if element.tag == "cib" else ()
    return {str(name): str(value) for name, value in element.attrib.items() if name not in skipped}


def _children(element: etree._Element) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str)]


def _step(element: etree._Element) -> str:
    """Return the part of a path that names an element among its siblings."""
    identity = element.get("id")
    return f"{element.tag!s}[@id='{identity}']" if identity is not None else str(element.tag)


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    assert parent is not None
    return parent
