"""The outputs by their names, and the JSON Schemas that are published of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from pcs_wrapper.views.contract.agents import AgentsCheck, Rules
from pcs_wrapper.views.contract.base import Output
from pcs_wrapper.views.contract.change import (
    Applied,
    ApplyDryRun,
    History,
    RollbackDryRun,
    RolledBack,
)
from pcs_wrapper.views.contract.cluster import Status
from pcs_wrapper.views.contract.difference import Drift
from pcs_wrapper.views.contract.findings import Check, Error
from pcs_wrapper.views.contract.plan import Plan


@dataclass(frozen=True)
class PublishedOutput:
    """An output that programs may rely on.

    Attributes:
        command: The command that prints it.
        model: What it consists of.
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
    "agents-check": PublishedOutput("takeover agents check --json AGENT", AgentsCheck),
    "agents-check-list": PublishedOutput("takeover agents check --list --json", Rules),
    "error": PublishedOutput("any command with --json", Error),
}


def published_schema(output: PublishedOutput) -> dict[str, Any]:
    """Return an output's JSON Schema (2020-12).

    Objects are left open in it: an output may gain keys while its schema's number stays.
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
    """Makes schemas in which a field is called by its key alone."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Return that no field gets a title, which would repeat its key."""
        return False
