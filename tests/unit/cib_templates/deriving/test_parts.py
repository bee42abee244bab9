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
#: Of the keys for which not any value is right: one that is.
RIGHT: dict[str, object] = {
    "portal": "203.0.113.129:3260",
    "target": "iqn.2026-11.example.com:shop",
    "chap_secret_file": "/etc/secret",
    "attach": "/usr/sbin/attach",
    "directory": "/srv/shop",
    "ip": "198.51.100.100",
    "workdir": "/srv",
    "stop_signal": "INT",
    "reload_signal": "HUP",
    "ready": "tcp:127.0.0.1:80",
    "health": "tcp:127.0.0.1:80",
}
#: Of each table: the key that it cannot do without.
NEEDED: dict[type[Part], dict[str, object]] = {
    Filesystem: {"directory": "/srv/shop"},
    App: {},
    Address: {"ip": "198.51.100.100"},
}
KEYS = [(table, key) for table, (_, keys) in AGENTS.items() for key in dict.fromkeys(keys.values())]


@pytest.mark.parametrize(("table", "key"), KEYS, ids=lambda each: getattr(each, "__name__", each))
def test_every_key_of_an_agent_comes_back(table: type[Part], key: str) -> None:
    """Whoever gives an agent's parameter a key can import it, too."""
    kinds = {list} if key == "command" else table.types_of(key)
    value, said = next(VALUES[each] for each in VALUES if each in kinds)
    value, said = RIGHT.get(key, value), RIGHT.get(key, said)
    kind, needed = KINDS[table], NEEDED[table]
    values: dict[str, Any] = {**dict.fromkeys(table.model_fields), "parameters": {}, "meta": {}}
    part = table.model_construct(**values | needed | {key: value})
    element = primitive("shop", kind, part, utilization={})
    assert part_of("shop", element) == (kind, needed | {key: said})
