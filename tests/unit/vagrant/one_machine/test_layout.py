"""A rig's shape: names, addresses and loop devices that do not collide."""

import dataclasses
import ipaddress
from pathlib import Path

import pytest

from vagrant.common.networks import CLIENT_HOST, FLOATING_HOST, STORAGE_HOST, Link, floating_address
from vagrant.one_machine import layout
from vagrant.one_machine.layout import WITNESS, Layout, free_loop_base

_ALLOWED = [
    ipaddress.ip_network(net) for net in ("198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def _layout(name: str = "one", nodes: int = 3, luns: int = 2, loop_base: int = 64) -> Layout:
    return Layout(
        name=name,
        purpose="lab",
        nodes=nodes,
        luns=luns,
        lun_mib=64,
        release="bookworm",
        tree="/nowhere",
        wheel="/nowhere.whl",
        loop_base=loop_base,
    )


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for rigs that are not there."""
    monkeypatch.setattr(layout, "RUN_DIR", tmp_path)
    return tmp_path


def test_every_node_and_lun_has_a_loop_device_of_its_own() -> None:
    """Loop devices are global to the machine: no two of a rig's may be the same."""
    big = _layout(nodes=16, luns=16)
    numbers = [big.loop_number(node, lun) for node in big.node_names for lun in range(1, 17)]
    assert sorted(numbers) == list(big.loop_numbers)


def test_a_new_rig_gets_loop_devices_that_no_other_rig_has(run_dir: Path) -> None:
    """The first gap that is large enough is taken."""
    assert free_loop_base(6) == layout.FIRST_LOOP
    for name, base in (("one", 64), ("two", 80)):
        (run_dir / name).mkdir()
        _layout(name, loop_base=base).save()
    assert free_loop_base(6) == 70
    assert free_loop_base(11) == 86


def test_a_layout_comes_back_as_it_was_saved(run_dir: Path) -> None:
    """`load` gives what `save` wrote, and None where there is no rig."""
    (run_dir / "one").mkdir()
    assert Layout.load("one") is None
    _layout().save()
    assert Layout.load("one") == _layout()


def test_all_addresses_are_different_and_for_documentation() -> None:
    """Nodes, client, target and floating addresses never meet, nor a real host's."""
    rig = dataclasses.replace(_layout(nodes=16), witness=True)
    assert rig.host_names == [*rig.node_names, WITNESS]
    hosts = [rig.node_host(host) for host in rig.host_names]
    hosts += [STORAGE_HOST, CLIENT_HOST]
    assert len({*hosts, FLOATING_HOST}) == len(hosts) + 1
    for link in Link:
        for host in hosts:
            for address in map(ipaddress.ip_interface, link.host(host)):
                assert any(address.version == net.version and address.ip in net for net in _ALLOWED)
    assert ipaddress.ip_address(floating_address()) in Link.LINK0.subnet
