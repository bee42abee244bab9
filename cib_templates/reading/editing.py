"""Changing a description's text in place: its comments and its order stay as they are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.items import InlineTable

from cib_templates.findings import KeyPath, dotted
from cib_templates.reading.positions import Positions

# The keys of services and fencing devices that name nodes: in a list, or as keys of a table.
_LISTS = ("nodes", "never_on")
_TABLES = ("plugs", "preferences")
# The keys of services that name other services.
_SERVICES = ("after", "with", "apart_from")


@dataclass(frozen=True)
class Edited:
    """A description's text with a change.

    Attributes:
        text: The text.
        what: What was changed, a clause each; nothing if there was nothing to change.
    """

    text: str
    what: tuple[str, ...]


def without_node(text: str, node: str) -> Edited:
    """Return a description's text without a node, wherever it is named.

    Args:
        text: TOML that is a description.
        node: The node's name.
    """
    document = tomllib.loads(text)
    nodes: list[KeyPath] = [("nodes", node)] if node in document.get("nodes", {}) else []
    # A device that fences nobody else goes with it.
    devices: list[KeyPath] = [
        ("fencing", name)
        for name, table in document.get("fencing", {}).items()
        if [*table.get("nodes", ()), *table.get("plugs", ())] == [node]
    ]
    keys, lists = _places(document, node, devices)
    for path in (*nodes, *devices, *keys):
        text = _without_key(text, path)
    for path in lists:
        text = _without_item(text, path, node)
    what = [
        *(f"the table [{dotted(path)}]" for path in (*nodes, *devices)),
        *(dotted(path) for path in keys),
        *(f"{node} in {dotted(path)}" for path in lists),
    ]
    return Edited(text, tuple(what))


def _places(
    document: dict[str, Any], node: str, without: Sequence[KeyPath] = ()
) -> tuple[list[KeyPath], list[KeyPath]]:
    """Return where services and fencing devices name a node: as a key of a table, and in lists."""
    keys: list[KeyPath] = []
    lists: list[KeyPath] = []
    for section in ("fencing", "services"):
        for name, table in document.get(section, {}).items():
            if (section, name) not in without:
                keys += [
                    (section, name, key, node) for key in _TABLES if node in table.get(key, {})
                ]
                lists += [(section, name, key) for key in _LISTS if node in table.get(key, [])]
    return keys, lists


def with_other_node(text: str, old: str, new: str, links: Sequence[str]) -> Edited | None:
    """Return a description's text with a node in the place of another one, wherever it is named.

    Args:
        text: TOML that is a description.
        old: The name of the node that goes.
        new: The name of the one that comes, which may be the same.
        links: Its addresses.

    Returns:
        The text, as it is if there is nothing to change; None if it cannot be edited in place.
    """
    document = tomllib.loads(text)
    if old not in document.get("nodes", {}):
        return with_node(text, new, links)
    what: list[str] = []
    if new != old:
        if new in document["nodes"]:
            # Somebody has described it already, with what fences it.
            return without_node(text, old)
        keys, lists = _places(document, old)
        for path in (("nodes", old), *keys):
            renamed = _with_key(text, path, new)
            if renamed is None:
                return None
            text = renamed
            is_table = path[0] == "nodes"
            other = (*path[:-1], new)
            what.append(
                f"the table [{dotted(path)}] → [{dotted(other)}]"
                if is_table
                else f"{dotted(path)} → {dotted(other)}"
            )
        for path in lists:
            text = _with_item(text, path, old, new)
        what += [f"{old} → {new} in {dotted(path)}" for path in lists]
    path = ("nodes", new, "links")
    before = _at(tomllib.loads(text), path)
    if before != list(links):
        text = _with_value(text, path, list(links))
        what.append(f"{', '.join(before)} → {', '.join(links)} in {dotted(path)}")
    return Edited(text, tuple(what))


def _with_key(text: str, path: KeyPath, new: str) -> str | None:
    """Return a text with another name for a key or a table; None if it is not found for sure."""
    lines = text.splitlines(keepends=True)
    quoted = re.escape(str(path[-1]))
    spelled = re.compile(rf"""(?<![\w\-"'])(["']?){quoted}\1(?=\s*[.\]=])""")
    name = tomlkit.key(new).as_string()
    for number, paths in Positions(text).begins().items():
        if any(_is_in(each, path) for each in paths):
            lines[number - 1] = spelled.sub(name, lines[number - 1], count=1)
    edited = "".join(lines)
    wanted = tomllib.loads(text)
    table = _at(wanted, path[:-1])
    table[new] = table.pop(path[-1])
    try:
        return edited if tomllib.loads(edited) == wanted else None
    except tomllib.TOMLDecodeError:
        return None


def _with_value(text: str, path: KeyPath, values: list[str]) -> str:
    """Return a text with other items in a list, which keeps how it is laid out."""
    document = tomlkit.parse(text)
    items = _at(document, path)
    if len(items) == len(values):
        for at, value in enumerate(values):
            if items[at] != value:
                items[at] = value
    else:
        _at(document, path[:-1])[path[-1]] = values
    return tomlkit.dumps(document)


def with_new_name(text: str, old: str, new: str) -> Edited | None:
    """Return a description's text with another name for a service.

    Args:
        text: TOML that is a description.
        old: The service's name.
        new: Its new name.

    Returns:
        The text; None if it cannot be edited in place, because the service has no table header of
        its own.
    """
    before = tomllib.loads(text)
    named = [
        ("services", name, key)
        for name, table in before["services"].items()
        for key in _SERVICES
        if old in table.get(key, [])
    ]
    quoted = re.escape(old)
    header = re.compile(
        rf"""^(\s*\[\[?\s*["']?services["']?\s*\.\s*["']?){quoted}(["']?\s*[.\]])""", re.MULTILINE
    )
    # Before the headers change: the lists are found by the old name.
    for path in named:
        text = _with_item(text, path, old, new)
    text, count = header.subn(rf"\g<1>{new}\g<2>", text)
    if tomllib.loads(text) != _renamed(before, old, new):
        return None  # a header in a string, or a service without one
    what = [f"the table [services.{old}] → [services.{new}]" + (" and those in it" * (count > 1))]
    what += [f"{old} → {new} in {dotted(path)}" for path in named]
    return Edited(text, tuple(what))


def _renamed(document: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return a document with another name for a service."""
    services = {
        new if name == old else name: {
            key: [new if each == old else each for each in value] if key in _SERVICES else value
            for key, value in table.items()
        }
        for name, table in document["services"].items()
    }
    return document | {"services": services}


def _with_item(text: str, path: KeyPath, old: str, new: str) -> str:
    """Return a text with another item in a list."""
    document = tomlkit.parse(text)
    names = _at(document, path)
    for at, name in enumerate(names):
        if name == old:
            names[at] = new
    return tomlkit.dumps(document)


def with_node(text: str, node: str, links: Sequence[str]) -> Edited:
    """Return a description's text with a node more, after the others; as it is if it has it.

    Args:
        text: TOML that is a description.
        node: The node's name.
        links: Its addresses.
    """
    if node in tomllib.loads(text).get("nodes", {}):
        return Edited(text, ())
    what = (f"the table [{dotted(('nodes', node))}]",)
    lines = text.splitlines(keepends=True)
    begins = Positions(text).begins()
    owned = {line for line, paths in begins.items() if any(_is_a_node(each) for each in paths)}
    if not any(_is_header(lines[line - 1]) for line in owned):
        # On lines with others, as in an inline table.
        document = tomlkit.parse(text)
        table = tomlkit.inline_table()
        table["links"] = list(links)
        _at(document, ("nodes",))[node] = table
        return Edited(tomlkit.dumps(document), what)
    end = max(_regions(lines, sorted(begins), owned))
    addresses = ", ".join(f'"{link}"' for link in links)
    added = [f"[nodes.{tomlkit.key(node).as_string()}]\n", f"links = [{addresses}]\n"]
    if lines[end - 1].strip():
        # The last table ends with the file.
        lines[end - 1] = lines[end - 1].removesuffix("\n") + "\n"
        added = ["\n", *added]
    if end < len(lines):
        added.append("\n")
    return Edited("".join([*lines[:end], *added, *lines[end:]]), what)


def _is_a_node(path: KeyPath) -> bool:
    return path[0] == "nodes" and len(path) > 1


def _without_key(text: str, path: KeyPath) -> str:
    """Return a text without a key, or a table with all that is in it."""
    lines = text.splitlines(keepends=True)
    begins = Positions(text).begins()
    owned = {line for line, paths in begins.items() if any(_is_in(each, path) for each in paths)}
    if any(_is_beside(each, path) for line in owned for each in begins[line]):
        # On one line with others, as in an inline table.
        document = tomlkit.parse(text)
        table = _at(document, path[:-1])
        del table[path[-1]]
        written = tomlkit.dumps(document)
        if isinstance(table, InlineTable):
            ragged = table.as_string()
            return written.replace(ragged, f"{ragged.removesuffix('}').rstrip()} }}")
        return written
    gone = set(_regions(lines, sorted(begins), owned))
    return "".join(line for number, line in enumerate(lines, 1) if number not in gone)


def _regions(lines: list[str], begins: list[int], owned: set[int]) -> Iterator[int]:
    """Yield the lines that belong to what begins in some: up to the comment of what follows."""
    is_table = any(_is_header(lines[line - 1]) for line in owned)
    for at, line in enumerate(begins):
        if line not in owned:
            continue
        following = begins[at + 1] if at + 1 < len(begins) else len(lines) + 1
        own = list(range(line, following))
        if following not in owned:
            while len(own) > 1 and _says_nothing(lines[own[-1] - 1]):
                own.pop()
            # A blank line goes with it, so that no two are left.
            after = own[-1] + 1
            if is_table and after <= len(lines) and not lines[after - 1].strip():
                own.append(after)
        yield from own


def _says_nothing(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _is_header(line: str) -> bool:
    return line.lstrip().startswith("[")


def _is_in(path: KeyPath, outer: KeyPath) -> bool:
    return path[: len(outer)] == outer


def _is_beside(path: KeyPath, other: KeyPath) -> bool:
    """Return whether neither of two paths is in the other one."""
    return not _is_in(path, other) and not _is_in(other, path)


def _without_item(text: str, path: KeyPath, item: str) -> str:
    """Return a text without an item of a list, however often it is in it."""
    document = tomlkit.parse(text)
    names = _at(document, path)
    while item in names:
        names.remove(item)
    return tomlkit.dumps(document)


def _at(document: Any, path: KeyPath) -> Any:
    """Return what is at a path in a document, as tomlkit has it."""
    for key in path:
        document = document[key]
    return document
