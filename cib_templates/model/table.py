"""What all tables of a description have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of a description: nothing is converted silently, unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def types_of(cls, key: str) -> frozenset[type]:
        """Return the types that the value of a key is made of, such as int and NoneType."""
        return frozenset(_types(cls.model_fields[key].annotation))


def _types(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for each in get_args(annotation):
        yield from _types(each)
