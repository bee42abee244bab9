"""Odd bytes, JSON, XML and TOML, made from right ones; and a machine whose programs say them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from pcs_wrapper.machine.runner import Result, Runner

ODD = [
    "\x1b]0;x\x07", "\x1b[2J", "\x9b1m", "\u202e", "\u2066", "\u2028", "\x00", "\x7f", "\r", "\n",
    "\ufeff", "\U000e0041", "abc", "-1", "-", "--force", "1e999", "²", "\uff17",
    "9" * 30, "9" * 5000,
    "&x;", "&#27;", "<!DOCTYPE cib [<!ENTITY x 'y'>]>", "<!-- c -->", "<?pi?>", "<x/>", "]]>",
    "{", "}", "[" * 300, "[[", "]", '"', "'", "=", ",", ":", ";", "#", "\\", "\\ud800", "../..",
    "", " ", "INFINITY", "true", "null", "nan", "1970-01-01", "9999-99-99T99:99:99",
]  # fmt: skip
_NOT_XML = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT = st.one_of(st.sampled_from(ODD), st.text(max_size=8))
_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), _TEXT, st.just(10**400), st.just("")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def odd_bytes(draw: st.DrawFn, right: str) -> bytes:
    """Return a right text with something put in, taken out, repeated or cut off."""
    data = right.encode()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        until = min(len(data), at + draw(st.integers(0, 40)))
        odd = draw(
            st.one_of(_TEXT.map(lambda text: text.encode(errors="replace")), st.binary(max_size=6))
        )
        match draw(st.sampled_from(["put in", "replace", "cut", "repeat", "number"])):
            case "put in":
                data = data[:at] + odd + data[at:]
            case "replace":
                data = data[:at] + odd + data[until:]
            case "cut":
                data = data[:at]
            case "repeat":
                data = data[:until] + data[at:]
            case _:
                digits = [place for place, byte in enumerate(data) if chr(byte).isdigit()]
                if digits:
                    place = digits[at % len(digits)]
                    data = data[:place] + odd + data[place + 1 :]
    return data


@st.composite
def odd_json(draw: st.DrawFn, right: str) -> bytes:
    """Return right JSON with other values in some places."""
    document: Any = json.loads(right)
    for _ in range(draw(st.integers(1, 2))):
        around: Any = None
        here: Any = document
        key: Any = None
        while isinstance(here, dict | list) and here and draw(st.integers(0, 3)):
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            around, key = here, draw(st.sampled_from(keys))
            here = here[key]
        if around is None:
            document = draw(_JSON)
        elif draw(st.booleans()):
            around[key] = draw(_JSON)
        else:
            del around[key]
    return json.dumps(document).encode()


@st.composite
def odd_xml(draw: st.DrawFn, right: str) -> bytes:
    """Return right XML with other values, and elements taken out, repeated or renamed."""
    root = etree.fromstring(right.encode())
    for _ in range(draw(st.integers(1, 4))):
        elements = [each for each in root.iter() if isinstance(each.tag, str)]
        element = draw(st.sampled_from(elements))
        parent = element.getparent()
        what = draw(
            st.sampled_from(
                ["value", "value", "value", "drop", "take out", "repeat", "rename", "put in"]
            )
        )
        if what == "value" and element.attrib:
            name = draw(st.sampled_from(sorted(map(str, element.attrib))))
            element.set(name, _for_xml(draw(_TEXT)))
        elif what == "drop" and element.attrib:
            del element.attrib[draw(st.sampled_from(sorted(map(str, element.attrib))))]
        elif what == "take out" and parent is not None:
            parent.remove(element)
        elif what == "repeat" and parent is not None:
            parent.append(etree.fromstring(etree.tostring(element, with_tail=False)))
        elif what == "rename":
            element.tag = draw(
                st.sampled_from(["primitive", "group", "clone", "nvpair", "x", "rule"])
            )
        else:
            element.append(etree.Comment("c") if draw(st.booleans()) else etree.PI("p"))
    return etree.tostring(root)


def _for_xml(text: str) -> str:
    """Return a text without what XML has no way to write."""
    return _NOT_XML.sub("", text)


@dataclass
class Answers(Runner):
    """Programs that say what a test has given them, and change nothing.

    Attributes:
        said: What is said, by the first words of the commands.
        seconds: How much time has passed.
    """

    said: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0

    def find(self, program: str) -> str | None:
        """Find every program."""
        return f"/usr/sbin/{program}"

    def execute(self, command: tuple[str, ...], *, stdin: str, timeout: float) -> Result:  # noqa: ARG002
        """Say what was given."""
        self.seconds += 1
        line = shlex.join(command)
        words = next((words for words in self.said if line.startswith(words)), "")
        return Result(0, self.said.get(words, b"").decode(errors="replace"), "")

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


def written(file: Path, data: bytes) -> Path:
    """Write a file that only its owner can read."""
    file.write_bytes(data)
    file.chmod(0o600)
    return file
