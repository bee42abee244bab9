"""What is wrong, or seldom meant: `takeover check`, and errors of every command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record


class Finding(Record):
    """Something that is wrong, or allowed and seldom meant."""

    code: str = Field(
        description="What kind of finding it is: a word that stays the same from release to "
        "release, such as `address-in-use-twice`. The page findings.md explains each."
    )
    severity: Literal["error", "warning"] = Field(
        description="How much it weighs. `error`: it is wrong; `warning`: it is allowed, but "
        "seldom meant."
    )
    file: str | None = Field(
        description="The file that it is about, such as the description; null if it is about none."
    )
    line: int = Field(
        ge=0, description="The line in that file, counted from 1; 0 if it is about no single line."
    )
    path: str = Field(
        description="The key of the description, such as `services.shop.address.ip`, or the ID of "
        "the resource that it is about; empty if it is about none."
    )
    message: str = Field(description="What is wrong; after its path, this is a sentence.")
    hint: str = Field(description="What would be right; empty if the message says it all.")


class Check(Output):
    """What was found in a description."""

    mistakes: Sequence[Finding] = Field(
        description="What is wrong with the description; while there is any, nothing is applied."
    )
    warnings: Sequence[Finding] = Field(
        description="What is allowed, but seldom meant; empty if there are mistakes."
    )


class Problem(Record):
    """Why a command failed."""

    code: str = Field(
        description="What kind of error it is: a word that stays the same from release to release."
    )
    message: str = Field(description="What went wrong, as a person reads it.")
    hint: str = Field(description="What can be done about it; empty if the message says it all.")
    exit_code: int = Field(description="The exit code of the command.")
    findings: Sequence[Finding] = Field(
        description="What was found to be wrong, one by one; empty if the message says it all."
    )


class Error(Output):
    """An error that has ended a command with `--json`, in place of any other output."""

    error: Problem = Field(description="Why the command failed.")
