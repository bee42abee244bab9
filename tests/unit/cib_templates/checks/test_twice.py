"""What only one can have, used in two places: plugs, disks, mount points."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cib_templates.errors import DescriptionError
from cib_templates.model.description import Description

Describe = Callable[..., Description]

PLUGS = 'plugs = { node1 = "1", node2 = "2", node3 = "3" }'
FENCING = f"""\
[fencing.power]
agent = "fence_apc"
{PLUGS}
parameters = {{ ip = "203.0.113.2", username = "cluster", password_script = "/etc/takeover/apc" }}
"""
LUN = 'portal = "203.0.113.129:3260"\ntarget = "iqn.2026-11.example.com:shop"\nlun = 1\n'
DISK = 'device = "/dev/disk/by-id/copy"'
COPY = '\n[services.copy]\npattern = "standby"\nnodes = ["node1"]\n'


def refused(describe: Describe, *replacements: tuple[str, str], more: str = "") -> list[str]:
    """Return the mistakes of the example with some texts replaced, without file and line."""
    with pytest.raises(DescriptionError) as caught:
        describe(*replacements, more=more)
    return [
        f"{mistake.key}: {mistake.message}"
        for mistake in sorted(caught.value.findings, key=lambda mistake: mistake.key)
    ]


def test_two_nodes_do_not_share_a_plug(described: Describe) -> None:
    """Fencing one node would switch off the other, and report success."""
    assert refused(described, ('node2 = "2"', 'node2 = "1"')) == [
        "fencing.power.plugs.node2: plug '1' is already used by fencing.power.plugs.node1"
    ]


@pytest.mark.parametrize("more", ["", 'pcmk_delay_base = "5s", '])
def test_two_devices_do_not_share_a_plug(more: str, described: Describe) -> None:
    """The same agent with the same parameters is the same device; Pacemaker's own say nothing."""
    one = FENCING.replace(', node2 = "2", node3 = "3"', ', node3 = "3"')
    other = FENCING.replace("power", "more").replace(PLUGS, 'plugs = { node2 = "1" }')
    other = other.replace("parameters = { ", f"parameters = {{ {more}")
    assert refused(described, (FENCING, one + other)) == [
        "fencing.more.plugs.node2: plug '1' is already used by fencing.power.plugs.node1"
    ]


def test_plugs_of_different_devices_may_have_the_same_name(described: Describe) -> None:
    """Two outlet strips both have an outlet 1."""
    one = FENCING.replace(', node2 = "2", node3 = "3"', ', node3 = "3"')
    other = FENCING.replace("power", "more").replace(PLUGS, 'plugs = { node2 = "1" }')
    other = other.replace("203.0.113.2", "203.0.113.3")
    assert len(described((FENCING, one + other)).fencing) == 2


def test_a_device_that_was_copied_without_a_change_is_refused(described: Describe) -> None:
    """A board of node1 that was copied for node2, with its address, would switch off node1."""
    board = '[fencing.{}]\nagent = "fence_ipmilan"\nnodes = ["{}"]\nparameters = {{ ip = "{}" }}\n'
    boards = [
        board.format("a", "node1", "203.0.113.2"),
        board.format("b", "node2", "203.0.113.3"),
        board.format("c", "node3", "203.0.113.2"),
    ]
    assert refused(described, (FENCING, "\n".join(boards))) == [
        "fencing.c: this very device is already used by fencing.a"
    ]


@pytest.mark.parametrize("directory", ["/srv/shop/copy", "/srv//shop/./copy/"])
def test_a_mount_point_below_another_service_s_is_refused(
    directory: str, described: Describe
) -> None:
    """The service that mounts later would hide the other's files."""
    table = f'[services.copy.filesystem]\n{DISK}\ndirectory = "{directory}"\n'
    assert refused(described, more=COPY + table) == [
        "services.copy.filesystem.directory: /srv/shop/copy is below /srv/shop of services.shop, "
        "which would hide it"
    ]


def test_a_mount_point_beside_another_s_is_right(described: Describe) -> None:
    """A name that begins with another's is not below it."""
    table = f'[services.copy.filesystem]\n{DISK}\ndirectory = "/srv/shopping"\n'
    assert "copy" in described(more=COPY + table).services


def test_mount_points_of_one_service_nest_from_the_outer_to_the_inner(
    described: Describe,
) -> None:
    """Filesystems are mounted in their order, so the outer one comes first."""
    table = '[[services.copy.filesystem]]\nname = "{0}"\ndevice = "/dev/{0}"\ndirectory = "{1}"\n'
    outer, inner = table.format("outer", "/srv/copy"), table.format("inner", "/srv/copy/log")
    assert len(described(more=COPY + outer + inner).services["copy"].filesystem) == 2
    assert refused(described, more=COPY + inner + outer) == [
        "services.copy.filesystem[0].directory: /srv/copy/log is below /srv/copy of "
        "services.copy, which would hide it"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/dev/disk/by-id/a", "/dev/disk//by-id/./a"),
        ("/dev/sdb", "//dev/disk/../sdb"),
        ("UUID=0a-b", "/dev/disk/by-uuid/0a-b"),
        ("/dev/disk/by-label/a", "LABEL=a"),
        ("PARTUUID=1", "/dev/disk/by-partuuid/1"),
        ("PARTLABEL=1", "/dev/disk/by-partlabel/1"),
    ],
)
def test_a_disk_with_two_names_is_one(one: str, other: str, described: Describe) -> None:
    """However it is written, a disk belongs to one service."""
    first = (LUN, f'device = "{one}"\n')
    table = f'[services.copy.filesystem]\ndevice = "{other}"\ndirectory = "/srv/copy"\n'
    assert refused(described, first, more=COPY + table) == [
        f"services.copy.filesystem.device: {other} is already used by services.shop"
    ]


def test_a_lun_is_the_same_through_every_portal_and_in_every_case(described: Describe) -> None:
    """A target's name has no case (RFC 3722), and is unique whichever portal leads to it."""
    other = LUN.replace("com:shop", "COM:Shop").replace("203.0.113.129", "storage.example.com")
    table = f'[services.copy.filesystem]\n{other}directory = "/srv/copy"\n'
    assert refused(described, more=COPY + table) == [
        "services.copy.filesystem.lun: LUN 1 of iqn.2026-11.example.COM:Shop is already used by "
        "services.shop"
    ]


def test_a_lun_without_a_number_is_no_one_s(described: Describe) -> None:
    """A misspelt key is one mistake more, and not also a disk that is used twice."""
    twice = LUN.replace("lun", "lum")
    table = f'[services.copy.filesystem]\n{twice}directory = "/srv/copy"\n'
    found = refused(described, ("lun = 1", "lum = 1"), more=COPY + table)
    assert not [mistake for mistake in found if "already used" in mistake]


def test_sbd_does_not_write_to_a_service_s_disk(described: Describe) -> None:
    """SBD's header would overwrite the filesystem's."""
    sbd = '[sbd]\ndevices = ["/dev/disk/by-id/copy"]\n'
    table = f'[services.copy.filesystem]\n{DISK}\ndirectory = "/srv/copy"\n'
    assert refused(described, ("[fencing.power]", f"{sbd}[fencing.power]"), more=COPY + table) == [
        "services.copy.filesystem.device: /dev/disk/by-id/copy is already used by sbd"
    ]


def test_what_is_no_device_is_refused(described: Describe) -> None:
    """A device has a path, a tag or a server."""
    table = '[services.copy.filesystem]\ndirectory = "/srv/copy"\ndevice = "{}"\n'
    assert refused(described, more=COPY + table.format("sdb")) == [
        "services.copy.filesystem.device: 'sdb' is not a device"
    ]
    for right in ("/dev/sdb", "UUID=1", "LABEL=shop", "server:/shop"):
        assert described(more=COPY + table.format(right))


AS_AGENTS = {
    "disk": (
        'agent = "ocf:heartbeat:Filesystem"',
        '{ device = "-U 1234-abcd", directory = "/srv/one" }',
        '{ device = "/dev/disk/by-uuid/1234-abcd", directory = "/srv/two" }',
        "device: /dev/disk/by-uuid/1234-abcd",
    ),
    "mount point": (
        'agent = "ocf:heartbeat:Filesystem"',
        '{ device = "/dev/vg/one", directory = "/srv/one" }',
        '{ device = "/dev/vg/two", directory = "/srv//one/" }',
        "directory: /srv//one/",
    ),
    "address": (
        'agent = "ocf:heartbeat:IPaddr2"',
        '{ ip = "198.51.100.77", cidr_netmask = "24" }',
        '{ ip = "198.51.100.77", nic = "eth1" }',
        "ip: 198.51.100.77",
    ),
    "volume": (
        'agent = "ocf:heartbeat:LVM-activate"',
        '{ vgname = "vg", lvname = "data", vg_access_mode = "system_id" }',
        '{ vgname = "vg", lvname = "data" }',
        "vgname: vg/data",
    ),
}


@pytest.mark.parametrize("what", AS_AGENTS)
def test_what_stock_agents_have_is_used_once_too(what: str, described: Describe) -> None:
    """A description that was imported has all of it as an agent with parameters."""
    agent, one, other, found = AS_AGENTS[what]
    more = "".join(
        f'\n[services.{name}]\npattern = "standby"\nnodes = ["node1"]\n[services.{name}.app]\n'
        f"{agent}\nparameters = {parameters}\n"
        for name, parameters in (("one", one), ("two", other))
    )
    key, _, shown = found.partition(": ")
    assert refused(described, more=more) == [
        f"services.two.app.parameters.{key}: {shown} is already used by services.one"
    ]


def test_an_address_is_used_once_whoever_has_it(described: Describe) -> None:
    """One service has it by a key, the other by the stock agent."""
    more = (
        '\n[services.one]\npattern = "standby"\nnodes = ["node1"]\n[services.one.app]\n'
        'agent = "ocf:heartbeat:IPaddr2"\nparameters = { ip = "198.51.100.100" }\n'
    )
    assert refused(described, more=more) == [
        "services.one.app.parameters.ip: 198.51.100.100 is already used by services.shop"
    ]


def test_what_many_may_mount_is_used_as_often_as_one_likes(described: Describe) -> None:
    """An export of NFS, and bind mounts of one service."""
    agent = 'agent = "ocf:heartbeat:Filesystem"'
    more = "".join(
        f'\n[services.{name}]\npattern = "standby"\nnodes = ["node1"]\n'
        f'[[services.{name}.app]]\nname = "nfs"\n{agent}\n'
        f'parameters = {{ device = "server:/home", directory = "/{name}", fstype = "nfs" }}\n'
        f'[[services.{name}.app]]\nname = "bind"\n{agent}\n'
        f'parameters = {{ device = "/srv/x", directory = "/{name}/x", options = "bind" }}\n'
        for name in ("one", "two")
    )
    assert set(described(more=more).services) >= {"one", "two"}
