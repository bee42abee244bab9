"""Warnings of an expert's eye: each with its line, its reason and its cure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cib_templates.findings import Severity
from cib_templates.reading.reading import read_with_advice
from tests.unit.cib_templates.checks.test_cluster_tables import BOARDS
from tests.unit.cib_templates.conftest import EXAMPLE
from tests.unit.cib_templates.rendering.test_patterns import service

THIRD = '[nodes.node3]\nlinks = ["198.51.100.13", "203.0.113.13"]\n'
TWO = [(THIRD, ""), (', node3 = "3"', ""), (', "node3"]', "]")]
SECOND = '[nodes.node2]\nlinks = ["198.51.100.12", "203.0.113.12"]\n'
FIRST = [
    (THIRD, ""),
    (SECOND, ""),
    (', node2 = "2", node3 = "3"', ""),
    (', "node2", "node3"]', "]"),
]
WITNESS = '[quorum.device]\nhost = "witness"\n'
MORE_NODES = "".join(
    f'[nodes.node{n}]\nlinks = ["198.51.100.1{n}", "203.0.113.1{n}"]\n' for n in range(4, 9)
)
POWER = '\n[fencing.all]\nagent = "fence_apc"\n'
HEALTH = 'health = "command:/usr/lib/postgresql/15/bin/pg_isready --quiet --host=127.0.0.1"\n'
HEALTHY = '[services.web.app]\ncommand = ["/bin/x"]\nhealth = "tcp:127.0.0.1:80"\n'
Advise = Callable[..., list[str]]


@pytest.fixture
def advise(tmp_path: Path) -> Advise:
    """Return a function that gives the warnings of the example with some texts replaced."""

    def warnings(*replacements: tuple[str, str], more: str = "") -> list[str]:
        text = EXAMPLE.read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "cluster.toml"
        file.write_text(text + more)
        _, found = read_with_advice(file)
        assert all(each.place and each.place.line and each.message and each.hint for each in found)
        assert all(each.severity is Severity.WARNING for each in found)
        return [f"{each.code} {each.key}: {each.message} ({each.hint})" for each in found]

    return warnings


def web(pattern: str = "standby", nodes: str = '"node1", "node2"', more: str = "") -> str:
    """Return a service about which there is nothing else to say."""
    return f'\n[services.web]\npattern = "{pattern}"\nnodes = [{nodes}]\n{more}\n{HEALTHY}'


WARNINGS: list[tuple[list[tuple[str, str]], str, str]] = [
    (TWO, "",
     "two-nodes-without-tie-breaker "
     "nodes.node1: two nodes that lose each other cannot tell which of them is cut off: the one "
     "that serves wins, since fencing it is delayed by 10s, even if its clients do not reach it"),
    ([*TWO, ('"1000ms"', '"1000ms"\nfencing_delay = "0s"')], "",
     "two-nodes-without-tie-breaker "
     "nodes.node1: two nodes that lose each other cannot tell which of them is cut off: each "
     "fences the other, and the wrong one may win"),
    ([*TWO, ("[fencing.power]", WITNESS + "[fencing.power]"),
      ('"1000ms"', '"1000ms"\nfencing_delay = "2s"')], "",
     "fencing-delay-short cluster.fencing_delay: a power switch may need longer than 2s"),
    ([*TWO, ("[fencing.power]", WITNESS + "[fencing.power]"),
      ('"1000ms"', '"1000ms"\nfencing_delay = "15s"'),
      ('ip = "203.0.113.2"', 'ip = "203.0.113.2", pcmk_delay_max = "8s"')], "",
     "fencing-delay-short cluster.fencing_delay: must be twice as long as the devices' own delays "
     "(8s): else the wrong node may win"),
    ([*TWO, ("[fencing.power]", WITNESS + "[fencing.power]"),
      ('"1000ms"', '"1000ms"\nfencing_delay = "9s"')], web(more="priority = 3"),
     "service-without-priority services.shop: has no priority, but other services have"),
    (FIRST, "",
     "first-node-alone "
     "nodes.node1: it is the only node: when it fails, nothing takes over what runs there"),
    ([("[fencing.power]", MORE_NODES + "[fencing.power]")], POWER,
     "many-nodes cluster.token: with 8 nodes a lost one is noticed after 10.8 s (token 4.9 s, "
     "consensus 5.9 s): each node beyond two adds 650 ms to token"),
    ([("[fencing.power]", WITNESS + "[fencing.power]")], "",
     "witness-of-odd-nodes quorum.device: 3 nodes can lose 1 of them with this witness as without "
     "it, but none while the witness is away"),
    ([(f', "203.0.113.1{number}"', "") for number in (1, 2, 3)], "",
     "one-link "
     "nodes.node1.links: there is only one link: when its switch fails, every node is alone"),
    ([("203.0.113.1", "198.51.100.2")], "",
     "links-in-one-network "
     "nodes.node1.links[1]: seems to be in the network of another link (198.51.100.0/24)"),
    ([('"1000ms"', '"500ms"')], "",
     "token-short "
     "cluster.token: a node that pauses for 500ms is fenced"),
    ([(HEALTH, "")], "",
     "app-without-health "
     "services.shop.app: without health, an application that hangs"),
    ([('"60s"\n', '"60s"\ntimeout = "65s"\n')], "",
     "stop-timeout-leaves-little services.shop.app.timeout: only 5s longer than stop_timeout"),
    ([], web(nodes='"node1"'),
     "one-node "
     "services.web.nodes: there is only one node: nothing takes"),
    ([], web(more='budget = "30s"'),
     "budget-below-fencing "
     "services.web.budget: fencing by power alone may take 60s"),
    ([], web(more="preferences = { node2 = 2000 }"),
     "preference-beyond-stickiness services.web.preferences.node2: is not below stickiness (1000)"),
    ([], web(more="utilization = { memory = 4 }"),
     "utilization-nowhere services.web.utilization: none of its nodes has memory"),
    ([('pattern = "standby"', 'pattern = "standby"\nenabled = false')],
     web(more='after = ["shop"]'),
     "after-a-disabled-service "
     "services.web.after[0]: shop is not enabled: this service never starts"),
    *(([('"/srv/shop"', '"/shop"')],
       web() + f'[services.web.filesystem]\ndevice = "UUID=1"\ndirectory = "{directory}"\n',
       f"directory-of-others services.web.filesystem.directory: others keep files in {directory}")
      for directory in ("/home", "/opt", "/srv")),
    ([], web("spare") + service("b", "spare").replace("command", 'health = "tcp:h:1"\ncommand'),
     "home-of-two services.b.nodes[0]: node1 is the home of web, too"),
    ([], web().replace('command = ["/bin/x"]\nhealth = "tcp:127.0.0.1:80"',
                       'agent = "systemd:x"\ntimeout = "60s"'),
     "systemd-stop-too-short services.web.app.timeout: systemd gives a unit 90s to stop"),
    ([("[fencing.power]", '[sbd]\ndevices = ["/dev/disk/by-id/x"]\n[fencing.power]')], "",
     "sbd-disks-without-device sbd.devices: no fencing device uses these disks"),
    ([("[fencing.power]",
       '[sbd]\nmessage_timeout = "80s"\ndevices = ["/dev/disk/by-id/x"]\n[fencing.power]')],
     '[fencing.sbd]\nagent = "fence_sbd"\nparameters = { devices = "/dev/disk/by-id/x" }\n',
     "sbd-start-too-slow "
     "sbd: a node that boots waits for 84s, and systemd gives sbd.service 90s to start"),
    ([('"203.0.113.11"]', '"203.0.113.11"]\nfencing_levels = [["ipmi1"]]')], BOARDS,
     "fencing-device-unused nodes.node1.fencing_levels: power can fence node1 but is in no level"),
    ([("[fencing.power]", '[sbd]\ndevices = ["/dev/vdb1"]\n[fencing.power]')],
     '[fencing.sbd]\nagent = "fence_sbd"\nparameters = { devices = "/dev/vdb1" }\n',
     "disk-name-changes sbd.devices[0]: another node may have another disk as /dev/vdb1"),
    *(([], web() + f'[services.web.filesystem]\ndevice = "{device}"\ndirectory = "/srv/web"\n',
     "disk-name-changes "
     f"services.web.filesystem.device: another node may have another disk as {device}")
      for device in ("/dev/sdb", "/dev/sdab12", "/dev/xvdc", "/dev/nvme1n1p2", "/dev/dm-4")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("migration_threshold", "did you mean 'migration-threshold'?"),
        ("failure-timout", "did you mean 'failure-timeout'?"),
        ("clone-max", "leave it out"),
    ],
)
def test_a_meta_attribute_without_effect_is_told(name: str, hint: str, advise: Advise) -> None:
    """Pacemaker ignores what it does not know, and says nothing (pcs 0.12 changelog)."""
    (found,) = advise((HEALTH, f'{HEALTH}meta = {{ {name} = "3", failure-timeout = "60s" }}\n'))
    assert found.startswith(
        f"meta-without-effect services.shop.app.meta.{name}: has no effect: Pacemaker knows no such"
    )
    assert hint in found


@pytest.mark.parametrize(("replacements", "more", "expected"), WARNINGS)
def test_what_is_seldom_meant_is_told(
    replacements: list[tuple[str, str]], more: str, expected: str, advise: Advise
) -> None:
    """One warning, with its line, its reason and its cure."""
    (found,) = advise(*replacements, more=more)
    assert found.startswith(expected)


def test_what_is_as_it_should_be_is_not_mentioned(advise: Advise) -> None:
    """A cure that was taken ends its warning."""
    assert advise() == []
    witness = ("[fencing.power]", '[quorum.device]\nhost = "witness"\n[fencing.power]')
    assert advise(*TWO, witness) == []
    copies = web("everywhere") + '[services.web.filesystem]\ndevice = "/dev/sdb"\n'
    disk = 'directory = "/srv/web"\ntype = "ext4"\nparameters = { force_clones = true }\n'
    assert advise(more=copies + disk) == []
    for device in ("/dev/disk/by-id/x", "/dev/mapper/x", "/dev/drbd0", "/dev/vg/sda", "UUID=sda"):
        mount = f'[services.web.filesystem]\ndevice = "{device}"\ndirectory = "/srv/web"\n'
        assert advise(more=web() + mount) == []
