"""Each part comes back from its primitive as it was described."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cib_templates.deriving.parts import part_of
from cib_templates.model.services import Address, App, Filesystem, Kind, Part
from cib_templates.rendering.primitives import AGENTS, primitive

KINDS: dict[type[Part], Kind] = {Filesystem: "filesystem", App: "app", Address: "address"}
#: Of each type: a value as the model has it, and as a description says it.
VALUES: dict[type, tuple[object, object]] = {
    bool: (True, True),
    int: (7, 7),
    timedelta: (timedelta(minutes=1), "60s"),
    list: (["/bin/x", "a b"], ["/bin/x", "a b"]),
    str: ("x", "x"),
}
KEYS = [(table, key) for table, (_, keys) in AGENTS.items() for key in dict.fromkeys(keys.values())]


@pytest.mark.parametrize(("table", "key"), KEYS, ids=lambda each: getattr(each, "__name__", each))
def test_every_key_of_an_agent_comes_back(table: type[Part], key: str) -> None:
    """Whoever gives an agent's parameter a key can import it, too."""
    kinds = {list} if key == "command" else table.types_of(key)
    value, said = next(VALUES[each] for each in VALUES if each in kinds)
    kind = KINDS[table]
    values: dict[str, Any] = {**dict.fromkeys(table.model_fields), "parameters": {}, "meta": {}}
    part = table.model_construct(**values | {key: value})
    element = primitive("shop", kind, part, utilization={})
    assert part_of("shop", element) == (kind, {key: said})
