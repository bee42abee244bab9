"""Descriptions of any kind, as hypothesis makes them: the tables and values of their TOML."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]

# Text that needs escaping somewhere: in TOML, in XML, or on a command line.
_AWKWARD = [
    "a",
    "Z",
    "0",
    "-",
    "_",
    ".",
    "/",
    " ",
    "'",
    '"',
    "\\",
    "&",
    "<",
    ">",
    "ä",
    "=",
    ",",
    "#",
]
_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
_TEXT = st.lists(st.sampled_from(_AWKWARD), min_size=1, max_size=8).map("".join)
_SECONDS = st.integers(1, 3600).map(lambda n: f"{n}s")
_PARAMETERS = st.dictionaries(
    _NAME.map(lambda name: f"p{name}"),
    st.one_of(_TEXT, st.integers(0, 99), st.booleans()),
    max_size=3,
)


_UTILIZATION = st.dictionaries(st.sampled_from(["memory", "cpu"]), st.integers(0, 99), max_size=2)
_OF_A_SERVICE: dict[str, st.SearchStrategy[Any]] = {
    "enabled": st.booleans(),
    "maintenance": st.booleans(),
    "failback": st.booleans(),
    "stickiness": st.integers(1, 9999),
    "migration_threshold": st.integers(0, 9),
    "failure_timeout": _SECONDS,
    "priority": st.integers(-9, 9),
    "budget": _SECONDS,
    "utilization": _UTILIZATION,
}
_FRAGMENT = """<acls>
  <acl_role id="auditor"><acl_permission id="auditor-read" kind="read" xpath="/cib"/></acl_role>
</acls>
"""


def _optional(draw: st.DrawFn, table: Document, key: str, values: st.SearchStrategy[Any]) -> None:
    if draw(st.booleans()):
        table[key] = draw(values)


@st.composite
def documents(draw: st.DrawFn, fewest: int = 2, most: int = 5) -> Document:
    """A description that is right, as far as a simple generator can know.

    Args:
        draw: Hypothesis gives it.
        fewest: The fewest nodes of a cluster.
        most: The most.
    """
    nodes = [f"node{number}" for number in range(1, draw(st.integers(fewest, most)) + 1)]
    links = draw(st.integers(1, 3))
    document: Document = {
        "schema": 1,
        "cluster": {"name": draw(st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True))},
        "nodes": {
            node: {"links": [f"2001:db8:{link + 1}::{at}" for link in range(links)]}
            for at, node in enumerate(nodes, start=1)
        },
        "fencing": _fencing(draw, nodes),
    }
    _optional(draw, document["cluster"], "token", st.integers(100, 9999).map(lambda n: f"{n}ms"))
    _optional(draw, document["cluster"], "start_at_boot", st.booleans())
    for node in nodes:
        _node(draw, document["nodes"][node], list(document["fencing"]))
    known = {
        "cluster-delay": st.just("60s"),
        "maintenance-mode": st.booleans(),
        "placement-strategy": st.sampled_from(["minimal", "balanced"]),
    }
    _optional(draw, document, "properties", st.fixed_dictionaries({}, optional=known))
    _optional(draw, document, "fragments", st.just([{"xml": _FRAGMENT}]))
    names = draw(st.lists(_NAME, max_size=4, unique_by=str.casefold))
    # Told apart from the parts' IDs by their ends.
    services: Document = {}
    for at, name in enumerate(names):
        services[f"{name}{at}x"] = _service(draw, nodes, at, list(services))
    if services:
        document["services"] = services
    return document


def _node(draw: st.DrawFn, table: Document, devices: list[str]) -> None:
    _optional(draw, table, "utilization", _UTILIZATION)
    _optional(draw, table, "attributes", _PARAMETERS)
    _optional(draw, table, "standby", st.booleans())
    _optional(draw, table, "maintenance", st.booleans())
    if len(devices) == 1:
        _optional(draw, table, "fencing_levels", st.just([devices]))


def _fencing(draw: st.DrawFn, nodes: list[str]) -> Document:
    table: Document = {"agent": draw(st.sampled_from(["fence_ipmilan", "fence_apc", "fence_x"]))}
    kind = draw(st.sampled_from(["all", "plugs", "each"]))
    if kind == "each":
        return {
            f"of-{node}": {**table, "nodes": [node], "parameters": {"ip": f"203.0.113.{at}"}}
            for at, node in enumerate(nodes)
        }
    if kind == "plugs":
        table["plugs"] = {node: f"{at}" for at, node in enumerate(nodes)}
    _optional(draw, table, "parameters", _PARAMETERS)
    _optional(draw, table, "timeout", _SECONDS)
    return {draw(_NAME): table}


def _service(draw: st.DrawFn, nodes: list[str], number: int, others: list[str]) -> Document:
    ranked = draw(st.permutations(nodes))
    pattern = draw(st.sampled_from(["standby", "mutual", "spare", "mirror", "everywhere"]))
    least = 1 if pattern in ("standby", "everywhere") else 2
    most = 2 if pattern == "mirror" else len(nodes)
    service: Document = {"pattern": pattern, "nodes": ranked[: draw(st.integers(least, most))]}
    kinds = ["filesystem", "app", "address"]
    if pattern == "mirror":
        device = f"/dev/drbd{number}"
        service["mirror"] = {"resource": f"r{number}", "device": device}
        service["filesystem"] = _part(draw) | {"device": device, "directory": f"/srv/m{number}"}
        kinds.remove("filesystem")
    for key, values in _OF_A_SERVICE.items():
        if draw(st.integers(0, 3)) == 0:
            service[key] = draw(values)
    if draw(st.integers(0, 3)) == 0:
        service["preferences"] = {service["nodes"][0]: draw(st.integers(-500, 500))}
    if others and pattern == "standby":
        _optional(draw, service, "after", st.just([others[0]]))
        relation = draw(st.sampled_from(["with", "apart_from", ""]))
        if relation:
            service[relation] = [others[-1]]
    _optional(draw, service, "start_order", st.permutations(["filesystem", "app", "address"]))
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, unique=True)):
        count = draw(st.integers(1, 2))
        parts = [_PARTS[kind](draw, number * 10 + at) for at in range(count)]
        if count > 1:
            parts = [{"name": f"{kind}-{at}", **part} for at, part in enumerate(parts)]
        service[kind] = parts if count > 1 else parts[0]
    return service


def _part(draw: st.DrawFn) -> Document:
    part: Document = {}
    _optional(draw, part, "monitor", _SECONDS)
    _optional(draw, part, "timeout", st.integers(90, 900).map(lambda n: f"{n}s"))
    _optional(draw, part, "monitor_timeout", _SECONDS)
    _optional(draw, part, "meta", _PARAMETERS)
    _optional(draw, part, "utilization", _UTILIZATION)
    return part


def _filesystem(draw: st.DrawFn, number: int) -> Document:
    part = _part(draw) | {"directory": f"/srv/data{number}"}
    if draw(st.booleans()):
        part["device"] = draw(st.sampled_from([f"/dev/disk/by-id/d{number}", f"UUID=0{number}"]))
    else:
        part |= {"portal": "203.0.113.9", "target": "iqn.2026-11.example:x", "lun": number}
    _optional(draw, part, "type", st.sampled_from(["ext4", "xfs", "btrfs"]))
    _optional(draw, part, "options", st.sampled_from(["noatime", "noatime,nodev"]))
    _optional(draw, part, "reservation", st.booleans())
    _optional(draw, part, "parameters", st.just({"run_fsck": "no"}))
    return part


def _app(draw: st.DrawFn, _: int) -> Document:
    part = _part(draw)
    if draw(st.booleans()):
        part["agent"] = draw(st.sampled_from(["systemd:nginx", "ocf:heartbeat:pgsql", "ocf:x:y"]))
        _optional(draw, part, "parameters", _PARAMETERS)
        return part
    part["command"] = [
        f"/bin/{draw(_NAME)}",
        *draw(st.lists(st.one_of(_TEXT, st.just("")), max_size=4)),
    ]
    _optional(draw, part, "user", _NAME)
    _optional(draw, part, "workdir", _TEXT.map(lambda text: f"/{text}"))
    _optional(draw, part, "stop_signal", st.sampled_from(["TERM", "INT", "SIGQUIT"]))
    _optional(draw, part, "stop_timeout", st.integers(1, 89).map(lambda n: f"{n}s"))
    checks = st.sampled_from(
        ["tcp:127.0.0.1:80", "command:/bin/check 'a b'", "http://127.0.0.1/ready --status 200"]
    )
    _optional(draw, part, "ready", st.one_of(checks, st.just("notify")))
    _optional(draw, part, "ready_timeout", st.integers(1, 89).map(lambda n: f"{n}s"))
    _optional(draw, part, "environment_file", st.just("/etc/default/x"))
    _optional(draw, part, "limits", st.just("nofile=65536"))
    _optional(draw, part, "reload_signal", st.just("HUP"))
    _optional(draw, part, "health", checks)
    return part


def _address(draw: st.DrawFn, number: int) -> Document:
    part = _part(draw)
    if draw(st.booleans()):
        part["ip"] = f"2001:db8::{number + 1:x}"
        _optional(draw, part, "prefix", st.integers(1, 128))
    else:
        part["ip"] = f"198.51.100.{number + 1}"
        _optional(draw, part, "prefix", st.integers(16, 24))
    _optional(draw, part, "interface", st.sampled_from(["eth0", "bond0.12"]))
    return part


_PARTS = {"filesystem": _filesystem, "app": _app, "address": _address}
