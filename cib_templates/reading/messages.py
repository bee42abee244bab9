"""What pydantic finds wrong with a single value, as a finding that a user understands."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, get_args, get_origin

from cib_templates.findings import Finding, FindingKind, KeyPath, error
from cib_templates.model.description import Description
from cib_templates.model.table import Table

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

KEY_MISSING = error("key-missing", "A table lacks a key that it must have.")
KEY_UNKNOWN = error("key-unknown", "A table has a key that descriptions do not have.")
NAME_UNUSABLE = error("name-unusable", "A table's name has characters that the cluster refuses.")
TYPE_WRONG = error("type-wrong", "A value is of another type of TOML than its key takes.")
VALUE_WRONG = error("value-wrong", "A value is of the right type, but its key does not take it.")
VALUE_UNKNOWN = error("value-unknown", "A value is none of the words that its key takes.")
VALUE_EMPTY = error("value-empty", "A text is empty that must not be.")
VALUE_OUT_OF_RANGE = error("value-out-of-range", "A number is too small or too large for its key.")
LENGTH_WRONG = error("length-wrong", "An array or table has too few or too many entries.")

_TOML_TYPES = [
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (str, "a string"),
    (list, "an array"),
    (dict, "a table"),
]
# By pydantic's type of error.
_KINDS: dict[str, tuple[FindingKind, Callable[[ErrorDetails], str]]] = {
    "missing": (KEY_MISSING, lambda _: "is missing"),
    "extra_forbidden": (KEY_UNKNOWN, lambda _: "is not a known key"),
    "value_error": (VALUE_WRONG, lambda problem: str(problem["ctx"]["error"])),
    "literal_error": (VALUE_UNKNOWN, lambda problem: f"{problem['input']!r} is not supported"),
    "string_pattern_mismatch": (VALUE_WRONG, lambda problem: f"{problem['input']!r} is not right"),
    "string_too_short": (VALUE_EMPTY, lambda _: "is empty"),
    "too_short": (
        LENGTH_WRONG,
        lambda problem: f"has {problem['ctx']['actual_length']}, which is too few",
    ),
    "too_long": (
        LENGTH_WRONG,
        lambda problem: f"has {problem['ctx']['actual_length']}, which is too many",
    ),
    "greater_than_equal": (VALUE_OUT_OF_RANGE, lambda _: "is too small"),
    "less_than_equal": (VALUE_OUT_OF_RANGE, lambda _: "is too large"),
}


def path_of(problem: ErrorDetails) -> KeyPath:
    """Return the path of an error; pydantic adds "[key]" where a table's name is wrong."""
    return tuple(step for step in problem["loc"] if step != "[key]")


def finding_of(problem: ErrorDetails) -> Finding:
    """Return an error of pydantic's as a finding; the field's description is the hint."""
    path = path_of(problem)
    if problem["loc"][-1] == "[key]":
        hint = "a name has letters, digits, - and _, and begins with a letter"
        return NAME_UNUSABLE.at(path, f"{problem['input']!r} is not a name", hint)
    known = _KINDS.get(problem["type"])
    if known is not None:
        kind, message = known
        return kind.at(path, message(problem), _hint(problem, path))
    if problem["type"].endswith("_type"):
        found = next((name for kind, name in _TOML_TYPES if isinstance(problem["input"], kind)), "")
        return TYPE_WRONG.at(path, f"must not be {found or 'a date or time'}", _hint(problem, path))
    return VALUE_WRONG.at(path, problem["msg"], _hint(problem, path))


def _hint(problem: ErrorDetails, path: KeyPath) -> str:
    """Return what would be right: the description of the field around the error."""
    if problem["type"] == "extra_forbidden":
        known = _keys(_kind_at(path[:-1]))
        close = difflib.get_close_matches(str(path[-1]), known, n=1)
        return f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
    while path:
        *parents, key = path
        table = _kind_at(tuple(parents))
        if isinstance(key, str) and isinstance(table, type) and issubclass(table, Table):
            return _field(table, key).description or ""
        path = tuple(parents)
    return ""


def _kind_at(path: KeyPath) -> object:
    """Return the type of the model at a path: a Table, or what a field's annotation holds."""
    kind: object = Description
    for step in path:
        if isinstance(kind, type) and issubclass(kind, Table):
            kind = _field(kind, str(step)).annotation
        else:
            kind = _plain(get_args(kind)[-1])
        kind = _plain(kind)
    return kind


def _plain(kind: object) -> object:
    """Return a type without `| None` and without the validators of Annotated."""
    while (arguments := get_args(kind)) and get_origin(kind) not in (list, dict):
        kind = arguments[0]
    return kind


def _field(table: type[Table], key: str) -> FieldInfo:
    fields = table.model_fields
    return next(field for name, field in fields.items() if key in (name, field.alias))


def _keys(kind: object) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, Table):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []
