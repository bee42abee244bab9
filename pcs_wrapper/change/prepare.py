"""Preparing a change, for `plan` and `apply`: the CIB that is to be pushed; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.comparing.marks import beyond_marks
from cib_templates.errors import TakeoverError
from cib_templates.findings import Finding
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from pcs_wrapper.change import stopping
from pcs_wrapper.change.history.outdated import digest_of
from pcs_wrapper.change.judging import adopting, preconditions
from pcs_wrapper.change.judging.readiness import Readiness, readiness
from pcs_wrapper.change.looking.description import compared, outdated_description
from pcs_wrapper.change.saved_plan import SavedPlan
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_cluster_config
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state


@dataclass(frozen=True)
class Change:
    """A change that an apply is going to make.

    Attributes:
        state: The state of the cluster before the change.
        config: Corosync's configuration.
        old: The live CIB.
        new: The CIB after the change.
        changes: The IDs of the objects that differ.
        changed_fencing: The IDs of the existing fencing devices that differ from the description.
        cluster: The cluster's name.
        services: The IDs of the described services.
        stops: The IDs of the resources that the change removes, and that are stopped before.
        readiness: Whether the cluster can carry the change out.
        adopts: The IDs of the resources that others made and the change takes over.
        description: A digest of the description, for the history.
        condition: What is not well with the cluster, and what in Corosync is not as described.
        outdated: What says that the description is older than what others have applied.
    """

    state: ClusterState
    config: ClusterConfig
    old: etree._Element
    new: etree._Element
    changes: ChangedIds
    changed_fencing: tuple[str, ...]
    cluster: str
    services: tuple[str, ...]
    stops: tuple[str, ...]
    readiness: Readiness
    adopts: tuple[str, ...] = ()
    description: str = ""
    condition: tuple[Finding, ...] = ()
    outdated: tuple[Finding, ...] = ()

    @property
    def timeout(self) -> int:
        """The longest time for which the cluster may be busy with the change, in seconds."""
        return settling.timeout_of(self.old, self.new)


def prepare(
    machine: Machine,
    description: Description,
    *,
    adopt: bool = False,
    saved: SavedPlan | None = None,
) -> Change:
    """Find out what an apply has to change; nothing is changed.

    Args:
        machine: This machine.
        description: The description of the cluster.
        adopt: Whether resources with the description's IDs that others made are taken over.
        saved: A plan that was saved before, which the change must not differ from.

    Raises:
        NotRoot: The user is not root.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
        ClusterUnreachable: No cluster runs here.
        NotApplicable: The cluster has another name or other nodes, an agent is not installed here,
            or a disk would pass from one resource to another. All such findings are reported.
        ClusterError: The change differs from the saved plan.
        OwnershipError: An object that Takeover did not make has the ID of a described one.
    """
    machine.require_root()
    machine.runner.require("pcs", "cibadmin", "crm_diff", "crm_mon", "crm_resource")
    state = read_state(machine)
    config = read_cluster_config(machine.runner)
    found = [
        *preconditions.other_cluster(description, state, config),
        *preconditions.missing_fence_agents(machine, description),
    ]
    old = cib.read_cib(machine)
    try:
        new = merge(old, description, adopt=adopt)
        if saved:
            saved.check(old, new)
    except TakeoverError:
        # If this is not the described cluster at all, that is the better message.
        preconditions.require(machine, found)
        raise
    found += preconditions.missing_agents(machine, new)
    found += preconditions.passed_exclusives(old, new, stopping.gone_before(old, new, state))
    preconditions.require(machine, found)
    changes = changed_ids(old, new)
    # A device that is only marked goes on as it is.
    acting = {each.name for each in beyond_marks(old, new).differences}
    devices = {device.resource_id(name) for name, device in description.fencing.items()}
    ready = readiness(machine, state, old, new)
    # What holds the change up is told as that, and not a second time.
    held_up = {(each.code, each.path) for each in ready.findings}
    return Change(
        state=state,
        config=config,
        old=old,
        new=new,
        changes=changes,
        changed_fencing=tuple(
            name for name in changes.changed if name in devices and name in acting
        ),
        cluster=description.cluster.name,
        services=tuple(description.services),
        stops=stopping.to_stop_before(old, new, state),
        readiness=ready,
        adopts=adopting.taken_over(old, new) if adopt else (),
        description=digest_of(description),
        condition=tuple(
            each
            for each in compared(machine, state, old, config, description)
            if (each.code, each.path) not in held_up
        ),
        outdated=outdated_description(machine, old, description, changes),
    )
