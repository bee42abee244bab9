"""The steps that make Pacemaker forget old failures: of what was corrected, and of what is gone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.stopping import primitives
from pcs_wrapper.pacemaker import cib

_TIMEOUT = 30.0
# Of a resource NAME and an operation: NAME#start_0 (Pacemaker Explained, "Failure Counts").
_KINDS = ("fail-count-", "last-failure-")


@dataclass(frozen=True)
class CleanUp(Step):
    """Make Pacemaker forget a resource's failures and try again.

    A start that failed keeps a resource from that node for good (Pacemaker Explained, "Failure
    Response"), even if it has been corrected since.

    Attributes:
        resource: The resource's ID.
        kind: Whether it is a resource or a fencing device, in pcs's words.
    """

    resource: str
    kind: cib.ResourceKind

    @property
    def what(self) -> str:
        """What it does."""
        return f"forgetting the failures of {self.resource}, so that it is tried again"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that does it."""
        return (shlex.join(cib.cleanup_command(self.resource, self.kind)),)

    def run(self, run: Run) -> None:
        """Do it."""
        cib.cleanup(run.machine, self.resource, self.kind)


@dataclass(frozen=True)
class ForgetFailures(Step):
    """Delete what is left of the failures of resources that a change has removed.

    They would be held against the next resources of that name. Pacemaker forgets the failures of a
    resource that leaves the configuration, but not always: when its history is deleted first, that
    aborts the transition that would have cleared its fail count, and of a resource without a
    history nobody knows that there is something to clear.

    Attributes:
        old: The CIB before the change, with its status.
        new: The CIB after it.
    """

    old: etree._Element
    new: etree._Element

    @property
    def what(self) -> str:
        """What it does."""
        return f"forgetting the failures of {', '.join(sorted(self._removed))}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that delete the failures of which is known already."""
        known = _failures_of(self.old, self._removed)
        return tuple(shlex.join(_delete_command(*each)) for each in known)

    @property
    def _removed(self) -> set[str]:
        return primitives(self.old) - primitives(self.new)

    def run(self, run: Run) -> None:
        """Delete those that were there before, and what has come since, as the stop may fail."""
        before = list(_failures_of(self.old, self._removed))
        now = _failures_of(cib.read_cib(run.machine), self._removed)
        for node, attribute in dict.fromkeys([*before, *now]):
            run.machine.runner.run(
                *_delete_command(node, attribute),
                timeout=_TIMEOUT,
                hint="The configuration was pushed; only the old failures are still there",
            )


def clean_up_steps(devices: tuple[str, ...]) -> list[Step]:
    """Return the steps that let fencing devices start that were changed.

    Args:
        devices: Their IDs.
    """
    return [CleanUp(device, "stonith") for device in devices]


def forget_steps(old: etree._Element, new: etree._Element) -> list[Step]:
    """Return the step that forgets the failures of what a change removes; none if it is nothing.

    Args:
        old: The CIB before the change, with its status.
        new: The CIB after it.
    """
    return [ForgetFailures(old, new)] if primitives(old) - primitives(new) else []


def _delete_command(node: str, attribute: str) -> tuple[str, ...]:
    return ("attrd_updater", "--delete", f"--name={attribute}", f"--node={node}")


def _failures_of(cib_: etree._Element, removed: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the node and the name of each attribute that tells of failures of those resources."""
    for state in cib_.iterfind("status/node_state"):
        for pair in state.iterfind("transient_attributes/instance_attributes/nvpair"):
            name = pair.get("name", "")
            for kind in _KINDS:
                resource, mark, _ = name.removeprefix(kind).rpartition("#")
                # An instance of a clone has its number behind the name.
                if name.startswith(kind) and mark and resource.partition(":")[0] in removed:
                    yield state.get("uname", ""), name
