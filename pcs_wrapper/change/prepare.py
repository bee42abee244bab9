"""What there is to change, found out without changing anything: below both `plan` and `apply`."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.errors import TakeoverError
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from pcs_wrapper.change import preconditions, stopping
from pcs_wrapper.change.saved_plan import SavedPlan
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_cluster_config
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state


@dataclass(frozen=True)
class Change:
    """What an apply is going to change.

    Attributes:
        state: How the cluster is.
        config: What Corosync's configuration says.
        old: The live CIB.
        new: What it shall be.
        changes: The difference.
        changed_fencing: IDs of the fencing devices that were there before, and that differ from
            what they shall be.
        cluster: The cluster's name.
        services: IDs of the services that shall run.
        stops: IDs of what it removes, and is stopped before.
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

    @property
    def timeout(self) -> int:
        """Return for how long the cluster may be busy with it, in seconds."""
        return settling.timeout_of(self.old, self.new)


def prepare(
    machine: Machine,
    description: Description,
    *,
    adopt: bool = False,
    saved: SavedPlan | None = None,
) -> Change:
    """Find out what there is to change; nothing is changed.

    Args:
        machine: This machine.
        description: What the cluster shall be.
        adopt: Whether resources with its IDs that others made are taken over.
        saved: The plan that was made before; what there is to do must still be the same.

    Raises:
        NotRoot: This is not root.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
        ClusterUnreachable: No cluster runs here.
        NotApplicable: The cluster has another name or other nodes, an agent is not installed
            here, or a disk would pass from one resource to another: all that is found of these.
        ClusterError: It is not the saved plan.
        OwnershipError: Something that is not Takeover's is in the way.
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
        # That it is another cluster says more than what of it is in the way.
        preconditions.require(machine, found)
        raise
    found += preconditions.missing_agents(machine, new)
    found += preconditions.passed_exclusives(old, new)
    preconditions.require(machine, found)
    differences = changed_ids(old, new)
    devices = {device.resource_id(name) for name, device in description.fencing.items()}
    return Change(
        state=state,
        config=config,
        old=old,
        new=new,
        changes=differences,
        changed_fencing=tuple(name for name in differences.changed if name in devices),
        cluster=description.cluster.name,
        services=tuple(description.services),
        stops=stopping.to_stop_first(old, new, state),
    )
