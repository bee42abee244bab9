"""The JSON output of `takeover drift`, and the differences that `takeover plan` prints, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.findings import Finding


class Fact(Record):
    """An attribute of an object that differs."""

    name: str = Field(
        description="The attribute's name: the description's key, or else the CIB's name."
    )
    old: str | None = Field(
        description="The value before; null if there is none. `plan`: what the cluster has; "
        "`drift`: what is described. A secret's value is never shown."
    )
    new: str | None = Field(
        description="The value afterwards; null if there is none. `plan`: what is described; "
        "`drift`: what the cluster has. A secret's value is never shown."
    )


class Difference(Record):
    """An object of the configuration that differs."""

    change: Literal["created", "changed", "removed"] = Field(
        description="Whether the object is created, changed or removed."
    )
    what: str = Field(description="Its kind, such as `service`, `filesystem` or `property`.")
    name: str = Field(description="Its ID in the CIB; of a property, its name.")
    service: str | None = Field(
        description="The service that it belongs to; null if it belongs to none."
    )
    facts: Sequence[Fact] = Field(
        description="The attributes that differ: all those of a created object, none of a removed "
        "one."
    )


class Drift(Output):
    """The differences between the cluster and its description."""

    differences: Sequence[Difference] = Field(
        description="The objects that differ, a service before its parts; empty if everything is "
        "as described."
    )
    not_managed: Sequence[str] = Field(
        description="The kinds and IDs of the objects in the cluster that Takeover does not manage."
    )
    findings: Sequence[Finding] = Field(
        default=(),
        description="What is not well with the cluster, the worst first, such as fencing that is "
        "off, dead links or stopped services; the page findings.md explains each code.",
    )
