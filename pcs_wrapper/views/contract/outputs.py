"""The JSON outputs by name, and their published JSON Schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from pcs_wrapper.views.contract.agents import AgentsCheck, Rules
from pcs_wrapper.views.contract.backup import Backup, Restored, RestoreDryRun
from pcs_wrapper.views.contract.base import Output
from pcs_wrapper.views.contract.beginning import Init, Prepared
from pcs_wrapper.views.contract.change.changes import (
    Applied,
    ApplyDryRun,
    CorosyncChange,
    History,
    RollbackDryRun,
    RolledBack,
)
from pcs_wrapper.views.contract.change.difference import Drift
from pcs_wrapper.views.contract.change.plan import Plan
from pcs_wrapper.views.contract.cluster import Status
from pcs_wrapper.views.contract.fencing import (
    FenceConfirm,
    FenceConfirmDryRun,
    FenceHistory,
    FenceList,
    FenceTest,
    FenceTestDryRun,
)
from pcs_wrapper.views.contract.findings import Check, Error
from pcs_wrapper.views.contract.members.joining import (
    NodeAddDryRun,
    NodeAdded,
    NodeReplaced,
    NodeReplaceDryRun,
)
from pcs_wrapper.views.contract.members.membership import (
    ClusterDestroyDryRun,
    ClusterDestroyed,
    NodeEvictDryRun,
    NodeRemoved,
    NodeRemoveDryRun,
)
from pcs_wrapper.views.contract.members.nodes import NodeChanged, NodeDryRun, Nodes
from pcs_wrapper.views.contract.members.running import (
    ClusterDryRun,
    ClusterRestarted,
    ClusterStarted,
    ClusterStopped,
)
from pcs_wrapper.views.contract.members.upgrading import Upgraded, UpgradeDryRun
from pcs_wrapper.views.contract.quorum import Quorum, WitnessDryRun
from pcs_wrapper.views.contract.service import ServiceDone, ServiceDryRun


@dataclass(frozen=True)
class PublishedOutput:
    """An output that programs may rely on.

    Attributes:
        command: The command that prints it.
        model: The model of the output.
    """

    command: str
    model: type[Output]


#: All outputs, by the names that `takeover schema --output` takes.
OUTPUTS = {
    "status": PublishedOutput("takeover status --json", Status),
    "check": PublishedOutput("takeover check --json FILE", Check),
    "plan": PublishedOutput("takeover plan --json FILE", Plan),
    "apply": PublishedOutput("takeover apply --json FILE", Applied),
    "apply-dry-run": PublishedOutput("takeover apply --dry-run --json FILE", ApplyDryRun),
    "rollback": PublishedOutput("takeover rollback --json", RolledBack),
    "rollback-dry-run": PublishedOutput("takeover rollback --dry-run --json", RollbackDryRun),
    "history": PublishedOutput("takeover history --json", History),
    "drift": PublishedOutput("takeover drift --json FILE", Drift),
    "cluster-start": PublishedOutput("takeover cluster start --json", ClusterStarted),
    "cluster-stop": PublishedOutput("takeover cluster stop --json", ClusterStopped),
    "cluster-restart": PublishedOutput("takeover cluster restart --json", ClusterRestarted),
    "cluster-dry-run": PublishedOutput(
        "takeover cluster start|stop|restart --dry-run --json", ClusterDryRun
    ),
    "cluster-destroy": PublishedOutput("takeover cluster destroy --json", ClusterDestroyed),
    "cluster-destroy-dry-run": PublishedOutput(
        "takeover cluster destroy --dry-run --json", ClusterDestroyDryRun
    ),
    "init": PublishedOutput("takeover init --json", Init),
    "service-prepare": PublishedOutput(
        "takeover service prepare [--dry-run] --json SERVICE FILE", Prepared
    ),
    "service": PublishedOutput("takeover service … --json", ServiceDone),
    "service-dry-run": PublishedOutput("takeover service … --dry-run --json", ServiceDryRun),
    "node-list": PublishedOutput("takeover node list --json", Nodes),
    "node-pause": PublishedOutput("takeover node pause|resume --json NODE", NodeChanged),
    "node-dry-run": PublishedOutput("takeover node pause|resume --dry-run --json NODE", NodeDryRun),
    "cluster-configure": PublishedOutput(
        "takeover cluster configure [--dry-run] --json FILE", CorosyncChange
    ),
    "upgrade": PublishedOutput("takeover upgrade --json", Upgraded),
    "upgrade-dry-run": PublishedOutput("takeover upgrade --dry-run --json", UpgradeDryRun),
    "node-add": PublishedOutput("takeover node add --json NODE", NodeAdded),
    "node-add-dry-run": PublishedOutput("takeover node add --dry-run --json NODE", NodeAddDryRun),
    "node-replace": PublishedOutput("takeover node replace --json OLD NEW", NodeReplaced),
    "node-replace-dry-run": PublishedOutput(
        "takeover node replace --dry-run --json OLD NEW", NodeReplaceDryRun
    ),
    "node-remove": PublishedOutput("takeover node remove|evict --json NODE", NodeRemoved),
    "node-evict-dry-run": PublishedOutput(
        "takeover node evict --dry-run --json NODE", NodeEvictDryRun
    ),
    "node-remove-dry-run": PublishedOutput(
        "takeover node remove --dry-run --json NODE", NodeRemoveDryRun
    ),
    "quorum-status": PublishedOutput("takeover quorum status --json", Quorum),
    "witness": PublishedOutput("takeover witness add|remove --json", Quorum),
    "witness-dry-run": PublishedOutput(
        "takeover witness add|remove --dry-run --json", WitnessDryRun
    ),
    "fence-list": PublishedOutput("takeover fence list --json", FenceList),
    "fence-history": PublishedOutput("takeover fence history --json", FenceHistory),
    "fence-confirm": PublishedOutput("takeover fence confirm --json NODE", FenceConfirm),
    "fence-confirm-dry-run": PublishedOutput(
        "takeover fence confirm --dry-run --json NODE", FenceConfirmDryRun
    ),
    "fence-test": PublishedOutput("takeover fence test --json", FenceTest),
    "fence-test-dry-run": PublishedOutput("takeover fence test --dry-run --json", FenceTestDryRun),
    "backup": PublishedOutput("takeover backup --json FILE", Backup),
    "restore": PublishedOutput("takeover restore --json FILE", Restored),
    "restore-dry-run": PublishedOutput("takeover restore --dry-run --json FILE", RestoreDryRun),
    "agents-check": PublishedOutput("takeover agents check --json AGENT", AgentsCheck),
    "agents-check-list": PublishedOutput("takeover agents check --list --json", Rules),
    "error": PublishedOutput("any command with --json", Error),
}


def published_schema(output: PublishedOutput) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an output.

    It allows unknown keys in objects: an output may get new keys without a new schema number.
    """
    schema = output.model.model_json_schema(
        by_alias=True, mode="serialization", schema_generator=_WithoutFieldTitles
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": output.command,
        **{key: value for key, value in schema.items() if key != "title"},
    }


class _WithoutFieldTitles(GenerateJsonSchema):
    """A generator of schemas whose fields have no titles."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Return that no field gets a title, as it would only repeat the key."""
        return False
