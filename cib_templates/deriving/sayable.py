"""What the model takes of a table that was made from a CIB: the rest cannot be said."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import ValidationError

from cib_templates.model.table import Table


def sayable(model: type[Table], table: dict[str, Any]) -> dict[str, Any] | None:
    """Return a table without what is no right value; None if nothing right remains.

    Args:
        model: What the table is.
        table: The table; it is not changed.
    """
    left = copy.deepcopy(table)
    while True:
        try:
            model.model_validate(left)
        except ValidationError as error:
            places = [each["loc"] for each in error.errors()]
            removed = [_without(left, place) for place in places]
            if not any(removed):
                return None
        else:
            return left


def _without(table: dict[str, Any], place: tuple[int | str, ...]) -> bool:
    """Take out the value at a place, or what it is in; return whether anything was there."""
    inner: Any = table
    for depth, key in enumerate(place):
        is_last = depth == len(place) - 1
        if isinstance(inner, dict) and key in inner:
            if is_last or not isinstance(inner[key], dict):
                del inner[key]
                if not inner and depth:
                    del table[str(place[0])]
                return True
            inner = inner[key]
        else:
            return False
    return False
