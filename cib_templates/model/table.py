"""What all tables of a description have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of a description: nothing is converted silently, unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
