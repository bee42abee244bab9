"""The attributes of a CIB's objects, with names and values in the description's words.

A word of the description stands for what `cib_templates.rendering` makes of it; whatever that does
not make, a fragment or an object of others, keeps the CIB's own names.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from lxml import etree

from cib_templates.cib.secrecy.secrets import is_secret

# The resources that other resources are in.
RESOURCES = frozenset(("primitive", "group", "clone", "master", "bundle"))

# By agent: how the description calls its parameters, where it has other words.
_WORDS = {
    "ocf:takeover:filesystem": {"fstype": "type"},
    "ocf:takeover:ip": {"cidr_netmask": "prefix", "nic": "interface"},
}
_FENCING_WORDS = {
    "pcmk_host_list": "nodes",
    "pcmk_host_map": "plugs",
    "pcmk_reboot_timeout": "timeout",
    "pcmk_off_timeout": "timeout of off",
}
# The attributes that are part of an operation's name, or its value.
_OPERATION = frozenset(("id", "name", "interval"))


class Secret(str):
    """A value that is compared, and not shown."""

    __slots__ = ()


def attributes_of(element: etree._Element) -> dict[str, str]:
    """Return all attributes of an object, without those of the resources in it.

    Secrets among the values are `Secret`s.

    Args:
        element: A resource, a constraint or any other object of a CIB.
    """
    found: dict[str, str] = {}
    for name, value in _attributes(element):
        # A name can come twice, for example with rules that choose between two sets.
        key, count = name, 1
        while key in found:
            count += 1
            key = f"{name} ({count})"
        found[key] = value
    members = [str(child.get("id")) for child in element if child.tag == "primitive"]
    if members and element.tag == "group":
        found["members"] = ", ".join(members)
    return found


def agent_of(primitive: etree._Element) -> str:
    """Return a primitive's agent as pcs writes it: `ocf:takeover:ip`."""
    parts = (primitive.get(name) for name in ("class", "provider", "type"))
    return ":".join(part for part in parts if part)


def guarded(name: str, text: str) -> str:
    """Return a value, as a `Secret` if its name or the value itself says that it is one."""
    return Secret(text) if is_secret(name, text) else text


def _attributes(element: etree._Element) -> Iterator[tuple[str, str]]:
    if element.tag == "primitive":
        yield "agent", agent_of(element)
    hidden = ("id", "class", "provider", "type") if element.tag == "primitive" else ("id",)
    for name, value in element.attrib.items():
        if name not in hidden:
            yield str(name), guarded(str(name), str(value))
    for child in element:
        if isinstance(child.tag, str) and child.tag not in RESOURCES:
            yield from _CHILDREN.get(child.tag, _other)(element, child)


def _parameters(element: etree._Element, parameters: etree._Element) -> Iterator[tuple[str, str]]:
    agent = agent_of(element)
    words = _FENCING_WORDS if agent.startswith("stonith:") else _WORDS.get(agent, {})
    command: list[str] = []
    for name, value in _pairs(parameters):
        if agent == "ocf:takeover:app" and name in ("binfile", "cmdline_options"):
            command.append(shlex.quote(value) if name == "binfile" else value)
        else:
            yield words.get(name, name), value
    if command:
        yield "command", guarded("command", " ".join(command))
    yield from _conditions(parameters)


def _meta(_element: etree._Element, meta: etree._Element) -> Iterator[tuple[str, str]]:
    for name, value in _pairs(meta):
        yield f"meta {name}", value
    yield from _conditions(meta)


def _operations(_element: etree._Element, operations: etree._Element) -> Iterator[tuple[str, str]]:
    for key, value in operations.attrib.items():
        if key != "id":
            yield f"operations {key!s}", str(value)
    for operation in operations.iterfind("op"):
        name, interval = operation.get("name", ""), operation.get("interval", "")
        if role := operation.get("role"):
            name = f"{name} {role}"
        # start and stop have no interval: it is written as 0.
        if interval.rstrip("s") != "0":
            yield name, interval
        for attribute, value in operation.attrib.items():
            if attribute not in _OPERATION:
                yield f"{name} {attribute}", str(value)
        for child in operation:
            if isinstance(child.tag, str):
                inner = (*_pairs(child), *_conditions(child))
                yield from ((f"{name} {key}", value) for key, value in inner)


def _other(_element: etree._Element, child: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the attributes of an element of any other kind, each below its name and ID."""
    name = " ".join(filter(None, (str(child.tag), child.get("name") or child.get("id"))))
    if child.tag == "nvpair":
        yield child.get("name", ""), guarded(child.get("name", ""), child.get("value", ""))
        return
    inner = list(_attributes(child))
    if not inner:
        yield name, (child.text or "").strip() or "present"
    for key, value in inner:
        yield f"{name} {key}", value


def _pairs(pairs: etree._Element) -> Iterator[tuple[str, str]]:
    for pair in pairs.iterfind("nvpair"):
        name = pair.get("name", "")
        yield name, guarded(name, pair.get("value", ""))


def _conditions(pairs: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield what else a set of pairs has: its score, and the rules for when it applies."""
    for name, value in pairs.attrib.items():
        if name != "id":
            yield f"{pairs.tag!s} {name!s}", str(value)
    for child in pairs:
        if isinstance(child.tag, str) and child.tag != "nvpair":
            yield from _other(pairs, child)


_CHILDREN: dict[str, Callable[[etree._Element, etree._Element], Iterator[tuple[str, str]]]] = {
    "instance_attributes": _parameters,
    "meta_attributes": _meta,
    "operations": _operations,
}
