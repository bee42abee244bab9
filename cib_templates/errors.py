"""What can be wrong with a description or a CIB, as data.

TakeoverError               everything that Takeover tells a user in a sentence
├── DescriptionError        the description has mistakes: all of them
├── OwnershipError          the live CIB holds something that is in the way and not Takeover's
└── InvalidCib              the installed Pacemaker's schema rejects a CIB
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cib_templates.findings import Mistake

if TYPE_CHECKING:
    from collections.abc import Sequence


class TakeoverError(Exception):
    """A failure that the user can understand: its text is the whole message."""


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
