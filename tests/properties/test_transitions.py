"""Whatever is described: it is refused with mistakes, or becomes a CIB that Pacemaker takes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.editor_schema import editor_schema
from cib_templates.errors import DescriptionError
from cib_templates.merge import changes, merge
from cib_templates.reading import read_description, read_with_advice
from cib_templates.render import render, to_text
from cib_templates.schema import check_schema, is_installed
from tests.unit.cib.json_schema import errors

NODES = ["node1", "node2", "node3"]
PATTERNS = ["standby", "mutual", "spare", "mirror", "everywhere"]
EXTRAS: list[tuple[str, list[object]]] = [
    ("nodes", [["node1", "node2"], ["node2", "node1"], NODES, ["node3"]]),
    ("never_on", [["node3"], ["node1", "node2", "node3"]]),
    ("preferences", [{"node2": 50}, {"node1": -5}]),
    ("after", [["s0"], ["s1"], ["s2", "s0"]]),
    ("with", [["s0"], ["s1"], ["nobody"]]),
    ("apart_from", [["s0"], ["s2"]]),
    ("enabled", [True, False]),
    ("maintenance", [True]),
    ("failback", [True]),
    ("stickiness", [0, 70]),
    ("priority", [-3, 9]),
    ("budget", ["30s", "5min"]),
    ("utilization", [{"memory": 4}]),
    ("mirror", [{"resource": "r", "device": "/dev/drbd0"}]),
]


def toml(value: object) -> str:
    """Return a value as TOML, tables in a line."""
    if isinstance(value, dict):
        return (
            f"{{{', '.join(f'{json.dumps(key)} = {toml(each)}' for key, each in value.items())}}}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)


def description(chance: random.Random) -> dict[str, object]:
    """Return a description that is right, or nearly."""
    services = {}
    for number in range(chance.randint(0, 3)):
        service: dict[str, object] = {"pattern": chance.choice(PATTERNS)}
        for key, values in chance.sample(EXTRAS, chance.randint(0, 4)):
            service[key] = chance.choice(values)
        service["app"] = {"command": ["/bin/x", f"{number}"], "meta": {"x": number}}
        if chance.random() < 0.5:
            service["address"] = {"ip": f"198.51.100.10{number}", "utilization": {"ips": 1}}
        if chance.random() < 0.3:
            folder = f"/srv/s{number}"
            service["filesystem"] = {"device": f"/dev/drbd{number}", "directory": folder}
        services[f"s{number}"] = service
    nodes: dict[str, dict[str, object]] = {
        name: {"links": [f"198.51.100.{number}"]} for number, name in enumerate(NODES, start=1)
    }
    if chance.random() < 0.3:
        nodes["node1"] |= {"utilization": {"memory": 9}, "standby": chance.random() < 0.5}
    if chance.random() < 0.3:
        nodes["node2"] |= {"fencing_levels": [["power"]], "attributes": {"rack": "b"}}
    whole: dict[str, object] = {
        "schema": 1,
        "cluster": {"name": "x"},
        "nodes": nodes,
        "fencing": {"power": {"agent": "fence_x"}},
        "services": services,
    }
    if chance.random() < 0.2:
        whole["properties"] = {"batch-limit": 5}
    if chance.random() < 0.2:
        whole["fragments"] = [{"xml": '<acls><acl_role id="reader"/></acls>'}]
    return whole


@pytest.mark.parametrize("part", range(4))
def test_any_description_is_refused_or_becomes_a_valid_cib(part: int, tmp_path: Path) -> None:
    """Mistakes have lines; what is accepted is valid, and the same when it comes again."""
    chance = random.Random(part)  # noqa: S311 - the same ones every time
    file = tmp_path / "cluster.toml"
    schema = editor_schema()
    accepted = 0
    before = None
    for _ in range(8):
        document = description(chance)
        file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in document.items()))
        try:
            read, _ = read_with_advice(file)
        except DescriptionError as error:
            assert all(mistake.line and mistake.path for mistake in error.mistakes)
            continue
        accepted += 1
        assert list(errors(document, schema, schema)) == []
        cib = render(read)
        assert to_text(render(read_description(file))) == to_text(cib)
        identities = [each.get("id") for each in cib.iter("primitive", "group", "clone")]
        assert len(identities) == len(set(identities))
        if is_installed():
            check_schema(cib)
        # From whatever it was before, and then no more.
        merged = merge(cib if before is None else before, read)
        assert not changes(merged, merge(merged, read))
        assert etree.tostring(merge(merged, read)) == etree.tostring(merged)
        assert not changes(merged, merge(cib, read))
        before = merged
    assert accepted
