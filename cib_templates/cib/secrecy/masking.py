"""Texts without the secrets in them, for logs and messages: whatever programs print."""

from __future__ import annotations

import copy
import html
import json
import re
from collections.abc import Iterator

from lxml import etree

from cib_templates.cib.secrecy.secrets import is_secret, passwords_of_addresses

#: What stands in the place of a secret.
MASK = "(a secret)"
_OTHER = "(another secret)"
_SETS = frozenset(("instance_attributes", "meta_attributes", "utilization", "cluster_property_set"))
# One may be written inside of the other: XML in JSON, JSON in a message.
_LEVELS = 3
# A name and a quoted value, as XML and shells write them, and JSON; or where a tag or an object
# begins or ends, beyond which a value is another name's.
_QUOTED = re.compile(
    r"""(?<![\w.-])([A-Za-z_][\w.-]*)["']?\s*[=:]\s*(?:"([^"]*)"|'([^']*)')|[<>{}]"""
)
_ESCAPING = re.compile(
    r"""(?<![\w.-])([A-Za-z_][\w.-]*)["']?\s*[=:]\s*"""
    r"""(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)')|[<>{}]""",
    re.DOTALL,
)
_BARE = re.compile(r"""(?<!\w)(?<!\w-)([A-Za-z][\w-]*)(?:=|:[ ]?)([^\s"'<>&,;{}\\]+)""")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


def masked(text: str) -> str:
    """Return a text without the secrets in it.

    They are found in XML and JSON, whole or in pieces, in commands and addresses, and then masked
    wherever the text has them.

    Args:
        text: Any text.
    """
    found = {secret for each in _readings(text) for secret in _secrets_of(each) if secret}
    forms = {form for secret in found for form in _written(secret)}
    if not forms:
        return text
    # The longest first, for one may be a part of another.
    alternatives = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    return re.sub(rf"(?<!\w)(?:{alternatives})(?!\w)", MASK, text)


def public(cib: etree._Element, before: etree._Element | None = None) -> etree._Element:
    """Return a CIB that says of its secrets only whether they have changed.

    Args:
        cib: The CIB; it is not changed.
        before: The CIB before a change.
    """
    known = {} if before is None else {pair.get("id"): pair for pair in before.iter("nvpair")}
    shown = copy.deepcopy(cib)
    for element, name, _ in list(_secrets_in(shown)):
        was = known.get(element.get("id"))
        changed = was is not None and was.get(name) != element.get(name)
        element.set(name, _OTHER if changed else MASK)
    return shown


def places(cib: etree._Element) -> list[str]:
    """Return what the secrets in a CIB are called, and of what they are: `password of fence-a`."""
    return [f"{called} of {_owner(element)}" for element, _, called in _secrets_in(cib)]


def _secrets_in(cib: etree._Element) -> Iterator[tuple[etree._Element, str, str]]:
    """Yield the elements with a secret, the attribute that it is in, and what it is called."""
    for element in cib.iter(etree.Element):
        for name, value in element.attrib.items():
            called = element.get("name", "") if name == "value" else str(name)
            if is_secret(called, str(value)):
                yield element, str(name), called


def _owner(element: etree._Element) -> str:
    """Return the ID of what has an attribute, which is not that of the set that it is in."""
    above = (each.get("id") for each in element.iterancestors() if each.tag not in _SETS)
    return next(filter(None, above), element.get("id", "the cluster"))


def _readings(text: str) -> list[str]:
    """Return a text, and what it says when the escapes of XML and of JSON are resolved."""
    found = [text]
    new = [text]
    for _ in range(_LEVELS):
        resolved = {html.unescape(each) for each in new if "&" in each}
        resolved |= {_without_backslashes(each) for each in new if "\\" in each}
        new = [each for each in resolved if each not in found]
        found += new
    return found


def _without_backslashes(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _secrets_of(text: str) -> Iterator[str]:
    yield from passwords_of_addresses(text)
    for name, value in _BARE.findall(text):
        if is_secret(name, value):
            yield value
    for pattern in (_QUOTED, _ESCAPING) if "\\" in text else (_QUOTED,):
        yield from _named_secrets(text, pattern, _LEVELS)


def _named_secrets(text: str, pattern: re.Pattern[str], levels: int) -> Iterator[str]:
    """Yield secrets with a name of their own, and those whose name is beside them, in an nvpair."""
    beside: dict[str, str] = {}
    for found in pattern.finditer(text):
        name, value = found[1], found[2] if found[2] is not None else found[3]
        if name is None:
            beside = {}
            continue
        if is_secret(name, value):
            yield value
        elif levels and ("=" in value or ":" in value):
            inner = _without_backslashes(html.unescape(value))
            yield from _named_secrets(inner, pattern, levels - 1)
        if name in ("name", "value"):
            beside[name] = value
            if len(beside) > 1 and is_secret(beside["name"], beside["value"]):
                yield beside["value"]


def _written(secret: str) -> set[str]:
    """Return how a secret may be written in XML, in JSON, and in one inside of the other."""
    forms = {secret}
    for _ in range(_LEVELS):
        forms |= {html.escape(form) for form in forms} | {_in_json(form) for form in forms}
    return forms


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
