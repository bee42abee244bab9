"""Descriptions of any number of services, three resources each, and the same for pcs and crmsh."""

from lxml import etree

_NODES = 8
_RANKED = 3


def description(services: int, *, command: str = "/usr/bin/app") -> str:
    """A description of a cluster with eight nodes.

    Args:
        services: how many: a filesystem, an application and an address each.
        command: the applications' program.
    """
    return _head() + "".join(_service(number, command) for number in range(services))


def _head() -> str:
    nodes = "".join(
        f'[nodes.node{node}]\nlinks = ["198.51.100.{node}", "203.0.113.{node}"]\n\n'
        for node in range(1, _NODES + 1)
    )
    plugs = ", ".join(f'node{node} = "{node}"' for node in range(1, _NODES + 1))
    return (
        f'schema = 1\n\n[cluster]\nname = "bench"\n\n{nodes}'
        f'[fencing.power]\nagent = "fence_apc"\nplugs = {{ {plugs} }}\n'
        'parameters = { ip = "203.0.113.200" }\n\n'
    )


def _ranked(number: int) -> list[str]:
    return [f"node{(number + rank) % _NODES + 1}" for rank in range(_RANKED)]


def _service(number: int, command: str) -> str:
    nodes = ", ".join(f'"{node}"' for node in _ranked(number))
    return f"""\
[services.s{number:04}]
pattern = "standby"
nodes = [{nodes}]

[services.s{number:04}.filesystem]
device = "/dev/disk/by-id/lun{number}"
directory = "/srv/s{number:04}"
type = "ext4"

[services.s{number:04}.app]
command = ["{command}", "--number={number}"]
user = "app"

[services.s{number:04}.address]
ip = "2001:db8::{number + 1:x}"
prefix = 64

"""


def online(cib: etree._Element) -> None:
    """Give a CIB the status of nodes that are all there and run nothing yet."""
    status = cib.find("status")
    if status is None:
        status = etree.SubElement(cib, "status")
    for node in range(1, _NODES + 1):
        state = etree.SubElement(
            status,
            "node_state",
            {"id": str(node), "uname": f"node{node}", "in_ccm": "true", "crmd": "online"},
            join="member",
            expected="member",
        )
        etree.SubElement(etree.SubElement(state, "lrm", id=str(node)), "lrm_resources")
    cib.set("have-quorum", "1")
    cib.set("dc-uuid", "1")


def pcs_commands(number: int, cib: str) -> list[list[str]]:
    """The pcs commands that put one service into a file: resources in a group, and preferences."""
    name = f"s{number:04}"
    times = {
        "filesystem": ("10s", "40s", "60s"),
        "app": ("5s", "30s", "120s"),
        "ip": ("10s", "20s", "20s"),
    }
    commands = []
    for kind, agent, parameters in _parts(number):
        interval, monitor, other = times[agent]
        operations = (
            f"op monitor interval={interval} timeout={monitor} "
            f"op start interval=0s timeout={other} op stop interval=0s timeout={other}"
        )
        create = f"pcs -f {cib} resource create {name}-{kind} ocf:takeover:{agent}"
        commands.append(
            [*create.split(), *parameters, *operations.split(), "--group", name, "--force"]
        )
    scores = [f"{node}={30 - 10 * rank}" for rank, node in enumerate(_ranked(number))]
    commands.append([*f"pcs -f {cib} constraint location {name} prefers".split(), *scores])
    return commands


def crm_lines(number: int) -> list[str]:
    """The lines of `crm configure` for one service."""
    name = f"s{number:04}"
    lines = [
        f"primitive {name}-{kind} ocf:takeover:{agent} params {' '.join(parameters)} "
        "op monitor interval=10s timeout=40s op start interval=0s timeout=60s "
        "op stop interval=0s timeout=60s"
        for kind, agent, parameters in _parts(number)
    ]
    lines.append(f"group {name} {name}-filesystem {name}-app {name}-address")
    lines += [
        f"location {name}-prefers-{node} {name} {30 - 10 * rank}: {node}"
        for rank, node in enumerate(_ranked(number))
    ]
    return lines


def _parts(number: int) -> list[tuple[str, str, list[str]]]:
    disk, folder = f"/dev/disk/by-id/lun{number}", f"/srv/s{number:04}"
    return [
        ("filesystem", "filesystem", [f"device={disk}", f"directory={folder}", "fstype=ext4"]),
        ("app", "app", ["binfile=/usr/bin/app", f"cmdline_options=--number={number}", "user=app"]),
        ("address", "ip", [f"ip=2001:db8::{number + 1:x}", "cidr_netmask=64"]),
    ]
