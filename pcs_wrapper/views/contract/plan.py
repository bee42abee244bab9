"""A change before it is made: `takeover plan`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.difference import Difference


class Action(Record):
    """What the cluster does to a resource or to a node."""

    kind: Literal["start", "stop", "restart", "reload", "move", "fence", "other"] = Field(
        description="What it does, in a word. A move is a stop on one node and a start on another."
    )
    target: str = Field(description="The ID of the resource; of a node that is fenced, its name.")
    source: str | None = Field(
        description="The node that has the resource until then; null if none has it."
    )
    dest: str | None = Field(
        description="The node that has the resource afterwards; null if none has it."
    )
    reason: str = Field(
        description="Why: the keys whose change causes it, or the scheduler's words; may be empty."
    )
    word: str = Field(description="The scheduler's own word for the action.")
    anyway: bool = Field(description="Whether the cluster does the same without the change.")


class Span(Record):
    """A time."""

    likely: float | None = Field(
        description="The time that it is likely to take, in seconds; null if nothing like it was "
        "ever measured on this cluster."
    )
    limit: float = Field(
        description="The time that it can take at most without another failure, in seconds."
    )
    source: Literal["measured", "estimated", "limit"] = Field(
        description="Where `likely` comes from. `measured`: all of it was measured on this "
        "cluster; `estimated`: some of it was not; `limit`: only the limit is known."
    )


class Outage(Record):
    """For how long clients are not served."""

    total: Span = Field(description="The whole time.")
    phases: Mapping[str, Span] = Field(
        description="What the time is spent on, in order: `detect`, `fence`, `data`, "
        "`application`, `address`. A phase that takes no time is left out."
    )


class Forecast(Record):
    """What the clients of a service notice."""

    service: str = Field(description="The service's name.")
    touched: bool = Field(
        description="Whether the plan changes the service, or the cluster does something to it."
    )
    stopped: bool = Field(description="Whether it is stopped and not started again.")
    interrupted: Outage | None = Field(
        description="The outage that the plan causes; null if it causes none."
    )
    node_failure: Outage | None = Field(
        description="The outage when its node fails afterwards; null if nothing can fence the node."
    )
    application_failure: Outage | None = Field(
        description="The outage when its application fails afterwards; null if it has none."
    )
    budget: float | None = Field(
        description="The outage that the description allows for a failure, in seconds; null if it "
        "does not say."
    )
    fits: bool | None = Field(
        description="Whether failures stay within the budget; null if there is no budget, or if "
        "too little was measured to say."
    )


class Plan(Output):
    """What an apply would change, what the cluster would do then, and what clients would notice."""

    differences: Sequence[Difference] = Field(
        description="The objects that differ, a service before its parts; empty if there is "
        "nothing to change."
    )
    unchanged: Sequence[str] = Field(
        description="The services that do not differ, nor any of their parts."
    )
    actions: Sequence[Action] = Field(
        description="What the cluster does then, in the order of Pacemaker's scheduler."
    )
    not_simulated: str = Field(
        description="Why it is not known what the cluster does then; empty if it is known."
    )
    services: Sequence[Forecast] = Field(
        description="What clients notice, for each service of the description."
    )
