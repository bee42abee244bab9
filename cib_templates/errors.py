"""What can be wrong with a description or a CIB, as data.

TakeoverError               everything that Takeover tells a user in a sentence
├── DescriptionError        the description has mistakes: all of them
├── OwnershipError          the live CIB holds something that is in the way and not Takeover's
└── InvalidCib              the installed Pacemaker's schema rejects a CIB
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cib_templates import positions


class TakeoverError(Exception):
    """A failure that the user can understand: its text is the whole message."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in a description.

    Attributes:
        file: The description.
        line: Line number from 1; 0 when the mistake is of the file as a whole.
        path: Path of the key, such as `services.shop.address.ip`; empty for the file as a whole.
        message: What is wrong.
        hint: What would be right; empty when the message says it all.
    """

    file: Path
    line: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        path = f" {self.path}:" if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}:{path} {self.message}{hint}"


@dataclass(frozen=True)
class Contradiction:
    """Something wrong between values of a description, before it is known where they are written.

    Attributes:
        path: The key to correct.
        message: What is wrong.
        hint: What would be right.
    """

    path: positions.Path
    message: str
    hint: str


class DescriptionError(TakeoverError):
    """The description cannot be used.

    Args:
        mistakes: Every mistake that was found, in the order of their lines.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class OwnershipError(TakeoverError):
    """The live CIB holds something that is in the way and that is not Takeover's to change."""


class InvalidCib(TakeoverError):
    """The installed Pacemaker's schema rejects a CIB."""
