"""The reference page of the JSON outputs, which is written from the models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pcs_wrapper.views.contract.outputs import OUTPUTS, published_schema

_INTRODUCTION = """\
# What `--json` prints, output by output

<!-- Written by script/reference from the models. -->

A command with `--json` prints one JSON object on standard output. If an error ends the command,
that object is an [error](#error). The exit code is the same as without `--json`, and warnings and
progress go to standard error as usual.

Each output has a JSON Schema (2020-12) that describes every key of it:

    takeover schema --list                        # the names of the outputs
    takeover schema --output status > status.schema.json

## What a program may rely on

The first key of each output is `schema`, the number of its schema. As long as that number is the
same:

- A key that is listed here is always present, and keeps its name, its type and its meaning. If it
  has no value, it is null, empty or 0, as its description says.
- A field whose values are listed has no other values. Other strings may get new values: codes of
  findings and errors, rules of the conformance test, kinds of objects, Pacemaker's own words.
- **New keys may be added at any time**, in every object. A program has to ignore keys that it does
  not know; so the published schemas allow unknown keys in all objects.
- The wording of sentences for people may change at any time: `message`, `hint`, `why`, `reason`,
  `note`, `harm`, and the `what` of a step. A program should use codes, states and numbers instead.

Any other change, such as a key that is removed or renamed, gets a new number. A program that finds
a number that it does not know has to stop.

The examples are real outputs; lists are shortened to their first two entries.
"""
_TYPES = {
    "string": ("string", "strings"),
    "integer": ("whole number", "whole numbers"),
    "number": ("number", "numbers"),
    "boolean": ("true or false", "true or false"),
    "null": ("null", "null"),
}
_SHOWN = 2


def reference(examples: Mapping[str, str]) -> str:
    """Return the page, in Markdown.

    Args:
        examples: A real output of the command, for each output.
    """
    pages = [_INTRODUCTION]
    objects: dict[str, Any] = {}
    for name, output in OUTPUTS.items():
        schema = published_schema(output)
        objects |= schema.get("$defs", {})
        example = json.dumps(_shortened(json.loads(examples[name])), indent=2, ensure_ascii=False)
        pages.append(
            f"\n## {name}\n\n{schema['description']}\n\n"
            f"Command: `{output.command}`\n\n```json\n{example}\n```\n\n{_table(schema)}"
        )
    pages.append("\n## Objects in the outputs\n")
    pages.extend(
        f"\n### {name}\n\n{schema['description']}\n\n{_table(schema)}"
        for name, schema in sorted(objects.items())
    )
    return "".join(pages)


def _table(schema: Mapping[str, Any]) -> str:
    rows = (
        f"| `{key}` | {_type(field)} | {field['description']} |\n"
        for key, field in schema["properties"].items()
    )
    return "| key | type | meaning |\n|---|---|---|\n" + "".join(rows)


def _type(field: Mapping[str, Any], *, many: bool = False) -> str:
    """Return the type of a value, in words."""
    match field:
        case {"$ref": str(target)}:
            name = target.rpartition("/")[2]
            words = f"[{name}](#{name.lower()})"
        case {"anyOf": list(kinds)}:
            words = " or ".join(_type(kind) for kind in kinds)
        case {"enum": list(values)}:
            words = ", ".join(f"`{value}`" for value in values)
        case {"const": value}:
            words = f"`{value}`"
        case {"type": "array", "items": items}:
            words = f"list of {_type(items, many=True)}"
        case {"type": "object", "additionalProperties": values}:
            words = f"object: names, each with a {_type(values)}"
        case _:
            words = _TYPES[field["type"]][many]
    return words


def _shortened(value: Any) -> Any:
    """Return data whose lists are shortened to their first entries."""
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    return [_shortened(each) for each in value[:_SHOWN]] if isinstance(value, list) else value
