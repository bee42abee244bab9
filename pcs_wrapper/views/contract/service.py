"""The JSON outputs of `takeover service`: a command about one service, before and after it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from pcs_wrapper.views.contract.base import Output
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.change.plan import Action, Outage
from pcs_wrapper.views.contract.cluster import Service
from pcs_wrapper.views.contract.findings import Finding


class ServiceDryRun(Output):
    """What a command about one service would do. Nothing was changed."""

    command: str = Field(description="The command, such as `service move`.")
    what: str = Field(description="What it does, such as `shop from node1 to node2`.")
    nothing: str = Field(description="Why there is nothing to do; empty if there is.")
    actions: Sequence[Action] = Field(description="What the cluster would do.")
    expected: Outage | None = Field(
        description="For how long clients would not be served; null if they would be served all "
        "the time, or not at all from then on."
    )
    obstacles: Sequence[Finding] = Field(
        description="What holds the cluster up: the command is refused without `--even-so`."
    )
    objections: Sequence[Finding] = Field(
        description="Whom else it would hurt: the command is refused without `--yes`."
    )
    commands: Sequence[str] = Field(
        description="The commands of all steps together, as a user would type them in a shell."
    )
    steps: Sequence[Step] = Field(description="The steps, in their order.")


class ServiceDone(Output):
    """What became of a command about one service."""

    command: str = Field(description="The command, such as `service move`.")
    what: str = Field(description="What it did, such as `shop from node1 to node2`.")
    nothing: str = Field(description="Why there was nothing to do; empty if there was.")
    service: Service = Field(description="The state of the service afterwards.")
    expected: Outage | None = Field(
        description="The outage that was expected before; null if none was, or if the service was "
        "to be stopped."
    )
    not_served: float | None = Field(
        description="For how long clients were not served, in seconds, as Pacemaker has recorded "
        "it; null if they were served all the time, or are not served now."
    )
    checkpoint: int | None = Field(
        description="The number of its checkpoint; null if nothing was changed."
    )
    harm: Sequence[str] = Field(
        description="What is not as it should be, a sentence for each service; empty if all is."
    )
