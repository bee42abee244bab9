"""The steps that clear old failures: of resources that were corrected, or that were removed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.stopping import primitives
from pcs_wrapper.pacemaker import cib

_TIMEOUT = 30.0
# The resource and its operation follow: NAME#start_0 (Pacemaker Explained, "Failure Counts").
_PREFIXES = ("fail-count-", "last-failure-")


@dataclass(frozen=True)
class CleanUp(Step):
    """Clear the failures of a resource, so that Pacemaker tries to start it again.

    After a failed start Pacemaker does not try to start a resource on that node again (Pacemaker
    Explained, "Failure Response"), even if its configuration has been corrected since.

    Attributes:
        resource: The resource's ID.
        kind: The pcs command for it: `resource`, or `stonith` for a fencing device.
    """

    resource: str
    kind: cib.ResourceKind

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"clearing the failures of {self.resource}, so that Pacemaker tries it again"

    @property
    def commands(self) -> tuple[str, ...]:
        """The pcs command that clears them."""
        return (shlex.join(cib.cleanup_command(self.resource, self.kind)),)

    def run(self, run: Run) -> None:
        """Clear them."""
        cib.cleanup(run.machine, self.resource, self.kind)


@dataclass(frozen=True)
class ForgetFailures(Step):
    """Delete the recorded failures of resources that a change has removed.

    They would count for later resources with the same ID. Pacemaker usually clears the failures of
    a removed resource itself, but not always: if the resource's history is deleted first, that
    aborts the transition which would have cleared its fail count, and without a history Pacemaker
    does not know that there is something to clear.

    Attributes:
        old: The CIB before the change, with its status.
        new: The CIB after it.
    """

    old: etree._Element
    new: etree._Element

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"clearing the failures of {', '.join(sorted(self._removed))}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that delete the failures that were recorded before the change."""
        known = _failures_of(self.old, self._removed)
        return tuple(shlex.join(_delete_command(*each)) for each in known)

    @property
    def _removed(self) -> set[str]:
        return primitives(self.old) - primitives(self.new)

    def run(self, run: Run) -> None:
        """Delete the failures from before the change, and new ones, such as that of a stop."""
        before = list(_failures_of(self.old, self._removed))
        now = _failures_of(cib.read_cib(run.machine), self._removed)
        for node, attribute in dict.fromkeys([*before, *now]):
            run.machine.runner.run(
                *_delete_command(node, attribute),
                timeout=_TIMEOUT,
                hint="The configuration was pushed; only the old failures are still there",
            )


def clean_up_steps(devices: tuple[str, ...]) -> list[Step]:
    """Return the steps that clear the failures of fencing devices, so that they start.

    Args:
        devices: The IDs of the devices that were changed.
    """
    return [CleanUp(device, "stonith") for device in devices]


def forget_steps(old: etree._Element, new: etree._Element) -> list[Step]:
    """Return the step that clears the failures of removed resources; none if none are removed.

    Args:
        old: The CIB before the change, with its status.
        new: The CIB after it.
    """
    return [ForgetFailures(old, new)] if primitives(old) - primitives(new) else []


def _delete_command(node: str, attribute: str) -> tuple[str, ...]:
    return ("attrd_updater", "--delete", f"--name={attribute}", f"--node={node}")


def _failures_of(cib_: etree._Element, removed: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the node and the name of each node attribute that records a failure of a resource."""
    for state in cib_.iterfind("status/node_state"):
        for pair in state.iterfind("transient_attributes/instance_attributes/nvpair"):
            name = pair.get("name", "")
            for prefix in _PREFIXES:
                resource, mark, _ = name.removeprefix(prefix).rpartition("#")
                # The name of a clone's instance ends with a colon and its number.
                if name.startswith(prefix) and mark and resource.partition(":")[0] in removed:
                    yield state.get("uname", ""), name
