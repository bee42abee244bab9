"""What an agent says of itself: its meta-data, read leniently, so that rules can judge it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable

# Pacemaker's units (pcmk__parse_interval / crm_get_msec), and the "d" of the API's example.
UNITS = {
    "us": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3, "": 1, "s": 1, "sec": 1,
    "m": 60, "min": 60, "h": 3600, "hr": 3600, "d": 86400,
}  # fmt: skip
TRUE = "1"


@dataclass(frozen=True)
class Parameter:
    """A parameter; a text that is missing is "".

    Attributes:
        name: Its name.
        type: The type of its values.
        default: The default; None if there is none.
        options: The values of a select.
        required: Whether it has to be given.
        unique: Whether it has the attribute `unique` of API 1.0, and is.
        unique_group: The group of API 1.1.
        reloadable: Whether a change of it needs no restart.
        replaced_with: The parameters to use instead.
        deprecated: Whether it should not be used any more.
        short: Its short description.
        long: Its long description.
    """

    name: str
    type: str
    default: str | None
    options: tuple[str, ...]
    required: bool
    unique: bool
    unique_group: str
    reloadable: bool
    replaced_with: tuple[str, ...]
    deprecated: bool
    short: str
    long: str


@dataclass(frozen=True)
class Action:
    """An advertised action; a text that is missing is ""."""

    name: str
    timeout: str
    interval: str
    depth: str
    role: str


@dataclass(frozen=True)
class Described:
    """The meta-data of an agent.

    Attributes:
        root: The document.
        name: The agent's name.
        version: The version of the API that it follows.
        short: Its short description.
        long: Its long description.
        parameters: Its parameters.
        actions: Its actions.
    """

    root: etree._Element
    name: str
    version: str
    short: str
    long: str
    parameters: tuple[Parameter, ...]
    actions: tuple[Action, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the required parameters."""
        return tuple(p.name for p in self.parameters if p.required and not p.deprecated)

    @property
    def judged_by(self) -> str:
        """The version of the API whose rules are applied."""
        return "1.0" if self.version == "1.0" else "1.1"

    @property
    def promotable(self) -> bool:
        """Whether the resource has roles."""
        return self.advertises("promote") or self.advertises("demote")

    def advertises(self, action: str) -> bool:
        """Tell whether an action is listed."""
        return any(each.name == action for each in self.actions)

    def timeout(self, action: str) -> float | None:
        """Return the longest time that an action is advertised with, in seconds."""
        times = [seconds(each.timeout) for each in self.actions if each.name == action]
        return max((each for each in times if each), default=None)


def read(document: bytes) -> Described:
    """Read a meta-data document.

    Raises:
        etree.XMLSyntaxError: It is not XML.
    """
    # Entities of the document itself are its text; those of other files are refused.
    parser = etree.XMLParser(resolve_entities="internal", no_network=True, load_dtd=False)
    root = etree.fromstring(document, parser)
    return Described(
        root=root,
        name=root.get("name", ""),
        version=(root.findtext("version") or "").strip(),
        short=_text(root, "shortdesc"),
        long=_text(root, "longdesc"),
        parameters=tuple(map(_parameter, root.iterfind("parameters/parameter"))),
        actions=tuple(map(_action, root.iterfind("actions/action"))),
    )


def seconds(text: str) -> float | None:
    """Return a time as Pacemaker reads it, in seconds; None if it is none."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in UNITS:
        return None
    return float(match[1]) * UNITS[match[2]]


def _parameter(element: etree._Element) -> Parameter:
    content = element.find("content")
    options = content.iterfind("option") if content is not None else ()
    return Parameter(
        name=element.get("name", ""),
        type=content.get("type", "") if content is not None else "",
        default=content.get("default") if content is not None else None,
        options=_attributes(options, "value"),
        required=element.get("required") == TRUE,
        unique=element.get("unique") == TRUE,
        unique_group=element.get("unique-group", ""),
        reloadable=element.get("reloadable") == TRUE,
        replaced_with=_attributes(element.iterfind("deprecated/replaced-with"), "name"),
        deprecated=element.find("deprecated") is not None,
        short=_text(element, "shortdesc"),
        long=_text(element, "longdesc"),
    )


def _action(element: etree._Element) -> Action:
    names = ("name", "timeout", "interval", "depth", "role")
    return Action(*(element.get(name, "") for name in names))


def _attributes(elements: Iterable[etree._Element], name: str) -> tuple[str, ...]:
    return tuple(element.get(name, "") for element in elements)


def _text(parent: etree._Element, tag: str) -> str:
    element = parent.find(tag)
    return "" if element is None else " ".join("".join(element.itertext()).split())
