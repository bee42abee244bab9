"""What a check has found: a mistake, or something that is allowed and seldom meant.

Every kind of finding is declared once, as an `error` or a `warning` of the module that finds it;
docs/reference/findings.md lists them all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

# The path of a key in a description: `("services", "shop", "address", 0, "ip")`.
KeyPath = tuple[str | int, ...]


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Place:
    """Where something is written.

    Attributes:
        file: The file.
        line: The line, from 1; None for the file as a whole.
    """

    file: Path
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}" if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    Attributes:
        code: Its kind, such as `address-in-use-twice`: stable, for programs and for searches.
        severity: Whether it is a mistake or a warning.
        path: The key of a description, or the ID of a resource, that it is about; may be empty.
        message: What is wrong.
        hint: What would be right; empty if the message says it all.
        place: Where it is written, if that is known.
    """

    code: str
    severity: Severity
    path: KeyPath
    message: str
    hint: str = ""
    place: Place | None = None

    @property
    def key(self) -> str:
        """The path as it is written, such as `services.shop.address[0].ip`."""
        return dotted(self.path)

    @property
    def sentence(self) -> str:
        """What is wrong and what would be right, without where it is."""
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __str__(self) -> str:
        where = [f"{self.place}"] if self.place is not None else []
        return ": ".join([*where, *([self.key] if self.path else []), self.sentence])


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding.

    Attributes:
        code: What it is called; it never changes.
        severity: Whether it is a mistake or a warning.
        meaning: What it means, in a sentence.
    """

    code: str
    severity: Severity
    meaning: str

    def at(self, path: KeyPath, message: str, hint: str = "") -> Finding:
        """Return a finding of this kind.

        Args:
            path: The key or resource that it is about.
            message: What is wrong.
            hint: What would be right.
        """
        return Finding(self.code, self.severity, path, message, hint)


def error(code: str, meaning: str) -> FindingKind:
    """Declare a kind of mistake."""
    return FindingKind(code, Severity.ERROR, meaning)


def warning(code: str, meaning: str) -> FindingKind:
    """Declare a kind of warning."""
    return FindingKind(code, Severity.WARNING, meaning)


def dotted(path: KeyPath) -> str:
    """Return a path as TOML writes its keys, with the places in arrays in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            bare = step.replace("-", "").replace("_", "").isalnum() and step.isascii()
            text += f".{step}" if bare else f".{json.dumps(step)}"
    return text.removeprefix(".")
