"""The JSON outputs of `takeover upgrade`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.findings import Finding
from pcs_wrapper.views.contract.members.running import NodeLeaving, ServiceWait


class Package(Record):
    """A package that is upgraded."""

    name: str = Field(description="Its name.")
    old: str = Field(description="The version that was installed; empty if it was not.")
    new: str = Field(description="The version that apt installs.")


class FeatureSet(Record):
    """What the Pacemaker of a node can do: nodes decide with the oldest of them."""

    node: str = Field(description="The node's name.")
    feature_set: str = Field(description="The feature set, such as `3.19.6`.")


class UpgradeDryRun(Output):
    """What an upgrade of this node would do. Nothing was changed but apt's lists."""

    node: str = Field(description="The node's name.")
    packages: Sequence[Package] = Field(description="What would be upgraded; empty if nothing.")
    begun: str = Field(
        description="The upgrade that would be continued, and how far it has come; empty if none."
    )
    need_reboot: Sequence[str] = Field(
        description="The packages, or files, because of which a reboot is needed afterwards."
    )
    leaving: NodeLeaving = Field(description="What would happen to services.")
    last_old: bool = Field(
        description="Whether all other nodes have a newer Pacemaker: once this node has left, it "
        "can join again only upgraded."
    )
    findings: Sequence[Finding] = Field(
        description="What is in the way. Without `--even-so` the upgrade is refused."
    )
    done: Sequence[str] = Field(
        description="The nodes that are upgraded, as far as the history tells."
    )
    left: Sequence[str] = Field(
        description="The nodes that are not, in the order in which they should be."
    )
    commands: Sequence[str] = Field(description="The commands of all steps, in their order.")
    steps: Sequence[Step] = Field(description="The steps.")


class Upgraded(Output):
    """The result of an upgrade of this node, or of a part of one.

    Times are in seconds since this command began.
    """

    node: str = Field(description="The node's name.")
    packages: Sequence[Package] = Field(description="What was upgraded; empty if nothing.")
    drained: float | None = Field(
        description="When it ran nothing any more; null if it did not come to that, or if that was "
        "done before."
    )
    stopped: float | None = Field(description="When its cluster was stopped; null as above.")
    installed: float | None = Field(description="When the packages were installed; null as above.")
    back: float | None = Field(description="When it was a member again; null if it was not.")
    whole: float | None = Field(
        description="When it could run services again, and all was well; null if not."
    )
    waits: Sequence[ServiceWait] = Field(description="The outage of each service that moved.")
    goes_on: str = Field(
        description="Why `takeover upgrade` has to be run again to complete it: `reboot` or "
        "`takeover` (which was upgraded itself); empty if it is complete, or harm has ended it."
    )
    need_reboot: Sequence[str] = Field(
        description="The packages, or files, because of which a reboot is still needed."
    )
    left: Sequence[str] = Field(
        description="The nodes that are not upgraded yet, as far as the history tells, in the "
        "order in which they should be."
    )
    feature_sets: Sequence[FeatureSet] = Field(
        description="What the Pacemaker of each member can do, as far as it is known."
    )
    harm: Sequence[str] = Field(description="What went wrong, a sentence each.")
