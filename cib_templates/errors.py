"""What can be wrong with a description or a CIB, as data.

TakeoverError               everything that Takeover tells a user in a sentence
├── DescriptionError        the description has mistakes: all of them
├── OwnershipError          the live CIB holds something that is in the way and not Takeover's
└── InvalidCib              the installed Pacemaker's schema rejects a CIB

Every class has a code, which never changes, a hint and the exit code of a command that ends with
it; docs/reference/findings.md lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cib_templates.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence


class TakeoverError(Exception):
    """A failure that the user can understand.

    Args:
        message: What went wrong, in whole sentences.
        hint: What to do about it, if the message does not say it; else the class's own hint is
            what is known.
        joint: What stands between the two in the text for people.

    Attributes:
        code: What it is called; it never changes.
        exit_code: The exit code of a command that ends with it.
        hint: What to do about it.
        message: What went wrong.
        findings: The findings that led to it, if it is due to some.
    """

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1
    hint: str = "read the message: it says what went wrong"
    findings: tuple[Finding, ...] = ()

    def __init__(self, message: str, hint: str = "", *, joint: str = "\n") -> None:
        self.message = message
        if hint:
            self.hint = hint
        super().__init__(f"{message}{joint}{hint}" if hint else message)


class DescriptionError(TakeoverError):
    """The description cannot be used.

    Args:
        findings: Every mistake that was found, in the order of their lines.
    """

    code = "description-wrong"
    exit_code = 2
    hint = "correct the description; `takeover check FILE` shows every mistake"

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(map(str, self.findings)))


class OwnershipError(TakeoverError):
    """The live CIB holds something that is in the way and that is not Takeover's to change."""

    code = "not-takeovers"
    hint = "rename it in the description, take it over (--adopt), or remove it with pcs"


class InvalidCib(TakeoverError):
    """The installed Pacemaker's schema rejects a CIB."""

    code = "cib-invalid"
    hint = "look at the fragments and parameters of the description: Pacemaker does not know them"
