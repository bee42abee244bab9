"""What whoever holds a description against the cluster is told, beside what is not well with it."""

from __future__ import annotations

from lxml import etree

from cib_templates.comparing.changes import ChangedIds
from cib_templates.findings import Finding
from cib_templates.model.description import Description
from pcs_wrapper.change.history import outdated
from pcs_wrapper.change.history.checkpoints import Checkpoints
from pcs_wrapper.change.looking import corosync
from pcs_wrapper.change.looking.condition import condition_of
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_loaded
from pcs_wrapper.pacemaker.crm_mon import ClusterState


def compared(
    machine: Machine,
    state: ClusterState,
    live: etree._Element,
    config: ClusterConfig,
    description: Description,
) -> tuple[Finding, ...]:
    """Return what is not well with the cluster, and what in Corosync is not as described.

    Args:
        machine: This machine.
        state: The state of the cluster.
        live: The live CIB.
        config: Corosync's configuration.
        description: The description of the cluster.
    """
    return (
        *condition_of(machine, state, live).findings,
        *corosync.findings(description, config, read_loaded(machine, config)),
    )


def outdated_description(
    machine: Machine, live: etree._Element, description: Description, changes: ChangedIds
) -> tuple[Finding, ...]:
    """Return what says that a description is older than what others have applied.

    Args:
        machine: This machine.
        live: The live CIB.
        description: The description of the cluster.
        changes: The objects that it would change now; if there are none, it undoes nothing.
    """
    if not changes:
        return ()
    known = Checkpoints.of(machine, live).all()
    digest = outdated.digest_of(description)
    return tuple(outdated.outdated(machine, known, digest, changes))
