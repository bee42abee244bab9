"""The JSON output of `takeover plan`: a change before it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.change.difference import Difference
from pcs_wrapper.views.contract.findings import Finding


class Action(Record):
    """An action of the cluster on a resource or a node."""

    kind: Literal["start", "stop", "restart", "reload", "move", "fence", "other"] = Field(
        description="The kind of action. A move is a stop on one node and a start on another."
    )
    target: str = Field(
        description="The ID of the resource, or the name of the node that is fenced."
    )
    source: str | None = Field(
        description="The node on which the resource is before; null if it is on none."
    )
    dest: str | None = Field(
        description="The node on which the resource is afterwards; null if it is on none."
    )
    reason: str = Field(
        description="The reason: the keys whose change causes it, or the scheduler's own words; "
        "may be empty."
    )
    word: str = Field(description="The scheduler's own word for the action.")
    anyway: bool = Field(description="Whether the cluster does the same without the change.")


class Span(Record):
    """A time."""

    likely: float | None = Field(
        description="The time that it is likely to take, in seconds; null if it was never measured "
        "on this cluster."
    )
    limit: float = Field(
        description="The longest time that it can take without another failure, in seconds."
    )
    source: Literal["measured", "estimated", "limit"] = Field(
        description="The source of `likely`. `measured`: all parts of it were measured on this "
        "cluster; `estimated`: some were not; `limit`: only the limit is known."
    )


class Outage(Record):
    """The time for which clients are not served."""

    total: Span = Field(description="The whole time.")
    phases: Mapping[str, Span] = Field(
        description="The phases of the outage, in order: `detect`, `fence`, `data`, "
        "`application`, `address`. A phase that takes no time is left out."
    )


class Forecast(Record):
    """The outages of a service that its clients will notice."""

    service: str = Field(description="The service's name.")
    touched: bool = Field(
        description="Whether the plan changes the service, or the cluster does something to it."
    )
    stopped: bool = Field(description="Whether it is stopped and not started again.")
    interrupted: Outage | None = Field(
        description="The outage that the plan causes; null if it causes none."
    )
    node_failure: Outage | None = Field(
        description="The outage if its node fails afterwards; null if nothing can fence the node."
    )
    application_failure: Outage | None = Field(
        description="The outage if its application fails afterwards; null if it has none."
    )
    budget: float | None = Field(
        description="The outage that the description allows for a failure, in seconds; null if it "
        "sets no budget."
    )
    fits: bool | None = Field(
        description="Whether failures stay within the budget; null if there is no budget, or if "
        "too little was measured to know."
    )


class Plan(Output):
    """What an apply would change, what the cluster would do then, and what clients would notice."""

    differences: Sequence[Difference] = Field(
        description="The objects that differ, a service before its parts; empty if there is "
        "nothing to change."
    )
    unchanged: Sequence[str] = Field(
        description="The services that do not differ in any of their parts."
    )
    actions: Sequence[Action] = Field(
        description="The actions of the cluster, in the order of Pacemaker's scheduler."
    )
    not_simulated: str = Field(
        description="The reason why the actions are not known; empty if they are known."
    )
    obstacles: Sequence[Finding] = Field(
        default=(),
        description="What holds the cluster up, so that it cannot carry the change out now; "
        "`apply` then refuses it, unless it is the cure.",
    )
    services: Sequence[Forecast] = Field(
        description="The forecast for each service of the description."
    )
    adoption_refused: Sequence[str] = Field(
        default=(),
        description="The reasons for which `apply --adopt` would refuse the plan: it takes over "
        "what others made, and does more than that. Empty if it would not.",
    )
    findings: Sequence[Finding] = Field(
        default=(),
        description="What is not well with the cluster, the worst first, such as fencing that is "
        "off, dead links or stopped services; the page findings.md explains each code.",
    )
