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


# Values that may be wrong: an agent takes some of them, some not, and some only beside others.
_ODD: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "filesystem": {
        "directory": st.sampled_from(
            "/ /home /srv /opt /var/log /var/log/ /var/lib/pacemaker /run /proc/x /dev/shm/x /sys "
            "//etc /mnt/./x /tmp /tmp/x /ä /srv/x /data".split()
        ),
        "device": st.sampled_from(
            "/dev/sdz|UUID=1|LABEL=a b|ID=x|PARTLABEL=|-L x|sdz|UUIDS=1|server:/x|//server/share|"
            "share|/srv/elsewhere|tmpfs".split("|")
        ),
        "type": st.sampled_from(
            ["ext4", "nfs", "cifs", "9p", "efs", "squashfs", "erofs", "overlay", "tmpfs", "gfs2"]
        ),
        "options": st.sampled_from(["bind", "rbind,ro", "loop", "loop=/dev/loop1", "ro,", "binds"]),
        "reservation": st.booleans(),
        "attach": st.just("/usr/lib/attach"),
        "chap_user": st.just("x"),
        "chap_secret_file": st.just("/etc/takeover/chap"),
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                "force_clones": st.sampled_from([True, False, "yes", "maybe"]),
                "force_unmount": st.sampled_from([True, "safe", "SAFE", "never"]),
                "reservation_key": st.sampled_from(["1", "abcdef01", "123456789", "xyz"]),
                "run_fsck": st.sampled_from(["no", "force", "yes"]),
                "mmp": st.sampled_from(["require", "maybe"]),
            },
        ),
    },
    "app": {
        "stop_signal": st.sampled_from(["TERM", "SIGKILL", "USR2", "WINCH", "term"]),
        "reload_signal": st.sampled_from(["HUP", "SIGQUIT", "TERM", "KILL"]),
        "limits": st.sampled_from(
            ["nofile=1:2", "nofile=2:1", "core=unlimited nproc=9", "nofiles=1", "nofile=-1", "x"]
        ),
        "environment_file": st.sampled_from(["/etc/x", "-/etc/x", "etc/x", "-", "--/etc/x"]),
        "stop_timeout": _SECONDS,
        "ready_timeout": _SECONDS,
        "health_timeout": _SECONDS,
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                "umask": st.sampled_from(["022", "7777", "9", 77]),
                "logfile": st.sampled_from(["/var/log/x", "x"]),
                "revision": st.just("2"),
                "monitor_hook": st.sampled_from(["/bin/x 'a b'", "/bin/x | y", "/bin/x '"]),
                "watch": st.sampled_from([True, "on", "perhaps"]),
            },
        ),
    },
    "address": {
        "prefix": st.sampled_from([0, 1, 24, 32, 33, 128, 129]),
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                "arp_count": st.sampled_from([0, 5, 999999, -1]),
                "broadcast": st.sampled_from(["+", "198.51.100.255", "x", "2001:db8::1"]),
                "addresses": st.sampled_from(["198.51.100.200/24", "198.51.100.200/33", "x"]),
                "preferred_lft": st.sampled_from(["forever", 0, 9, "never"]),
                "iflabel": st.sampled_from(["a", "a-very-long-label-indeed"]),
                "link_up": st.sampled_from([True, "1", "2"]),
            },
        ),
    },
}
_ODD_CHECKS = st.sampled_from(
    "tcp:h:1|tcp:[::1]:65535|tcp:::1:80|tcp:h:0|tcp:h:65536|tcp:h|tcp:ä:1| tcp:h:1|notify|"
    "http://h|http://h:0/|https://[::1]:8443/a?b=c status=200-299,404|http:h|http:// x|HTTP://h/|"
    "http://h/ text='a b' degraded=429|http://h/ colour=red|"
    "command:/bin/x|command:/bin/x '|command:x|command:".split("|")
)


@st.composite
def odd_documents(draw: st.DrawFn) -> Document:
    """A small cluster with a service, whose parts have some odd values: agents may refuse them."""
    nodes = ["node1", "node2"]
    service: Document = {"pattern": draw(st.sampled_from(["standby", "everywhere"]))}
    kinds = ["filesystem", "app"] + ["address"] * (service["pattern"] == "standby")
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, unique=True)):
        part = _PARTS[kind](draw, 1)
        for key in draw(st.lists(st.sampled_from(sorted(_ODD[kind])), max_size=2)):
            part[key] = draw(_ODD[kind][key])
        if kind == "app" and "command" in part and draw(st.booleans()):
            part[draw(st.sampled_from(["ready", "health"]))] = draw(_ODD_CHECKS)
        service[kind] = part
    return {
        "schema": 1,
        "cluster": {"name": "odd"},
        "nodes": {node: {"links": [f"203.0.113.{at}"]} for at, node in enumerate(nodes, 1)},
        "fencing": {"power": {"agent": "fence_x", "plugs": {node: node for node in nodes}}},
        "services": {"web": service},
    }


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
        if kind == "filesystem" and pattern == "everywhere":
            parts = [part | {"type": "gfs2"} for part in parts]
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
        ["tcp:127.0.0.1:80", "command:/bin/check 'a b'", "http://127.0.0.1/ready status=200"]
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
