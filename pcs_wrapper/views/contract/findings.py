"""The JSON output of `takeover check`, and that of an error of any command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record


class Finding(Record):
    """A mistake, or something that is allowed but probably not intended."""

    code: str = Field(
        description="The kind of finding: a word that stays the same from release to release, such "
        "as `address-in-use-twice`. The page findings.md explains each."
    )
    severity: Literal["error", "warning"] = Field(
        description="The severity. `error`: it is wrong; `warning`: it is allowed, but probably "
        "not intended."
    )
    file: str | None = Field(
        description="The file that it was found in, such as the description; null if there is none."
    )
    line: int = Field(
        ge=0,
        description="The line in that file, counted from 1; 0 if it concerns no single line.",
    )
    path: str = Field(
        description="The key of the description, such as `services.shop.address.ip`, or the ID of "
        "the resource that it concerns; empty if it concerns none."
    )
    message: str = Field(description="What is wrong; after its path, this is a sentence.")
    hint: str = Field(description="What would be right; empty if the message says it all.")


class Check(Output):
    """The findings in a description."""

    mistakes: Sequence[Finding] = Field(
        description="The mistakes in the description, which cannot be applied while there are any."
    )
    warnings: Sequence[Finding] = Field(
        description="What is allowed, but probably not intended; empty if there are mistakes."
    )


class Problem(Record):
    """The error that ended a command."""

    code: str = Field(
        description="The kind of error: a word that stays the same from release to release."
    )
    message: str = Field(description="What went wrong, in sentences for people.")
    hint: str = Field(description="What can be done about it; empty if the message says it all.")
    exit_code: int = Field(description="The exit code of the command.")
    findings: Sequence[Finding] = Field(
        description="The findings that led to the error; empty if the message says it all."
    )


class Error(Output):
    """The error that ended a command with `--json`, in place of the command's own output."""

    error: Problem = Field(description="The error.")
