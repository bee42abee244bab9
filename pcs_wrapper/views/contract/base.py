"""What all JSON outputs have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """An object in an output.

    Its docstring and its fields' descriptions are published: they are for users' eyes.
    """

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Output(Record):
    """A whole output."""

    # pydantic's models have a method `schema`.
    schema_number: Literal[1] = Field(
        default=1,
        alias="schema",
        description="The number of this schema. It grows when a key is removed or renamed, or "
        "changes its meaning or type.",
    )
