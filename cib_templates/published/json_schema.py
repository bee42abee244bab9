"""A JSON Schema of descriptions: editors complete and check with it while one types."""

from __future__ import annotations

from typing import Any

from cib_templates.model.description import Description


def editor_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12).

    It says what each value may be. What does not fit together, only `takeover check` finds.
    """
    schema = Description.model_json_schema(by_alias=True, mode="validation")
    plain = _without_null(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A cluster for Takeover",
        **{key: value for key, value in plain.items() if key != "title"},
    }


def _without_null(schema: Any) -> Any:
    """Return a schema without null, which TOML does not have: a key is simply left out."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        key: _without_null(value)
        for key, value in schema.items()
        if not (key == "default" and value is None)
    }
    kinds = plain.get("anyOf")
    if isinstance(kinds, list):
        kinds = [kind for kind in kinds if kind != {"type": "null"}]
        plain["anyOf"] = kinds
        if len(kinds) == 1:
            del plain["anyOf"]
            plain = kinds[0] | plain
    return plain
