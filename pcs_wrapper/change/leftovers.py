"""Failures of resources that are gone, and would be held against the next ones of that name.

Pacemaker forgets the failures of a resource that leaves the configuration, but not always: when its
history is deleted first, that aborts the transition that would have cleared its fail count, and of
a resource without a history nobody knows that there is something to clear.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from pcs_wrapper.change.stopping import primitives
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib

_TIMEOUT = 30.0
# Of a resource NAME and an operation: NAME#start_0 (Pacemaker Explained, "Failure Counts").
_KINDS = ("fail-count-", "last-failure-")


def forget(machine: Machine, old: etree._Element, new: etree._Element) -> None:
    """Delete what is left of the failures of resources that a change has removed.

    Args:
        machine: This machine.
        old: The CIB before the change.
        new: The CIB after it; the cluster has settled since.

    Raises:
        ProgramError: pcs or attrd_updater is missing or fails.
    """
    gone = primitives(old) - primitives(new)
    if not gone:
        return
    for node, attribute in list(_of(cib.read_cib(machine), gone)):
        delete = ("attrd_updater", "--delete", f"--name={attribute}", f"--node={node}")
        machine.runner.run(
            *delete,
            timeout=_TIMEOUT,
            hint="The configuration was pushed; only the old failures are still there",
        )


def _of(live: etree._Element, gone: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the node and the name of each attribute that tells of failures of those resources."""
    for state in live.iterfind("status/node_state"):
        for pair in state.iterfind("transient_attributes/instance_attributes/nvpair"):
            name = pair.get("name", "")
            for kind in _KINDS:
                resource, mark, _ = name.removeprefix(kind).rpartition("#")
                # An instance of a clone has its number behind the name.
                if name.startswith(kind) and mark and resource.partition(":")[0] in gone:
                    yield state.get("uname", ""), name
