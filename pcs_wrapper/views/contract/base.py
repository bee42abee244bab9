"""The base of all JSON outputs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """An object in an output.

    The docstrings of its subclasses and the descriptions of their fields are published in the JSON
    Schemas: users read them.
    """

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Output(Record):
    """A whole output."""

    # The field cannot be called `schema`: pydantic's models have a method of that name.
    schema_number: Literal[1] = Field(
        default=1,
        alias="schema",
        description="The number of this schema. It grows when a key is removed or renamed, or "
        "changes its meaning or type.",
    )
