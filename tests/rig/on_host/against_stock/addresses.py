"""Situations of a floating address, for ocf:takeover:ip and ocf:heartbeat:IPaddr2."""

from __future__ import annotations

import time

from tests.rig.on_host.against_stock.site import (
    Grade,
    Site,
    cable,
    of_a_monitor,
    of_a_refusal,
    of_a_start,
    of_a_stop,
    of_an_alarm,
)
from tests.rig.on_host.conftest import RECURRING
from vagrant.common.waiting import eventually

ADDRESS, ADDRESS6 = "198.51.100.7", "2001:db8::7"
GIVEN = {"ip": ADDRESS, "nic": "eth1", "cidr_netmask": "24"}


def has(site: Site, address: str, interface: str = "") -> bool:
    """Tell whether the node has an address."""
    device = ["dev", interface] if interface else []
    return f" {address}/" in site.node.run("ip", "address", "show", *device).stdout


def begin(site: Site, **given: str) -> None:
    """Start the resource, where that has to succeed."""
    assert site.act("ip", "start", **given) == 0
    assert has(site, given["ip"])


def a_probe_when_the_route_has_gone(site: Site) -> Grade:
    """The address still answers."""
    with cable(site):
        begin(site, ip=ADDRESS)
        site.node.run("ip", "route", "flush", "dev", "eth1")
        return of_a_monitor(site.act("ip", "monitor", ip=ADDRESS), runs=True)


def a_stop_when_the_route_has_gone(site: Site) -> Grade:
    """The address must not stay up."""
    with cable(site):
        begin(site, ip=ADDRESS)
        site.node.run("ip", "route", "flush", "dev", "eth1")
        return of_a_stop(site.act("ip", "stop", ip=ADDRESS), left=has(site, ADDRESS))


def a_cable_that_was_pulled(site: Site) -> Grade:
    """The address is there, and nobody can reach it."""
    with cable(site) as neighbour:
        begin(site, **GIVEN)
        neighbour.run("ip", "link", "set", "eth1", "down")
        return of_an_alarm(site.act("ip", "monitor", RECURRING, **GIVEN))


def another_host_has_the_address(site: Site) -> Grade:
    """Two hosts with one address serve nobody."""
    with cable(site) as neighbour:
        neighbour.run(*f"ip address add {ADDRESS}/24 dev eth1".split())
        code = site.act("ip", "start", **GIVEN)
        return of_a_refusal(code, harm=has(site, ADDRESS))


def another_host_has_the_ipv6_address(site: Site) -> Grade:
    """The kernel finds that by itself."""
    with cable(site) as neighbour:
        neighbour.run(*f"ip address add {ADDRESS6}/64 dev eth1 nodad".split())
        code = site.act("ip", "start", ip=ADDRESS6, nic="eth1", cidr_netmask="64")
        shown = site.node.run("ip", "-6", "address", "show", "dev", "eth1").stdout
        usable = [s for s in shown.splitlines() if ADDRESS6 in s and "dadfailed" not in s]
        return of_a_refusal(code, harm=bool(usable))


def an_interface_that_this_node_lacks(site: Site) -> Grade:
    """Another node may have it."""
    return of_a_refusal(site.act("ip", "start", **GIVEN), harm=False)


def a_stop_without_the_interface(site: Site) -> Grade:
    """Nothing is there to be stopped."""
    return of_a_stop(site.act("ip", "stop", **GIVEN), left=False)


def a_probe_without_the_interface(site: Site) -> Grade:
    """It does not run here."""
    return of_a_monitor(site.act("ip", "monitor", **GIVEN), runs=False)


def a_stop_without_its_parameters(site: Site) -> Grade:
    """Somebody has removed them from the configuration meanwhile: what was started is stopped."""
    with cable(site):
        begin(site, **GIVEN)
        return of_a_stop(site.act("ip", "stop"), left=has(site, ADDRESS))


def an_alternative_name_of_the_interface(site: Site) -> Grade:
    """A start, then a stop."""
    with cable(site):
        site.node.run(*"ip link property add dev eth1 altname storage-network".split())
        given = {**GIVEN, "nic": "storage-network"}
        begin(site, **given)
        return of_a_stop(site.act("ip", "stop", **given), left=has(site, ADDRESS))


def an_interface_that_was_renamed(site: Site) -> Grade:
    """The address goes with it, and still answers."""
    with cable(site):
        begin(site, **GIVEN)
        for command in ("down", "name lan0"):
            site.node.run("ip", "link", "set", "eth1", *command.split())
        site.node.run("ip", "link", "set", "lan0", "up")
        probe = of_a_monitor(site.act("ip", "monitor", **GIVEN), runs=True)
        stop = of_a_stop(site.act("ip", "stop", **GIVEN), left=has(site, ADDRESS))
        return min(probe, stop)


def other_addresses_of_the_network(site: Site) -> Grade:
    """The kernel drops those that depend on the first one, unless told otherwise."""
    with cable(site):
        site.node.run(*"ip address flush dev eth1".split())
        site.node.run(*"sysctl -qw net.ipv4.conf.eth1.promote_secondaries=0".split())
        begin(site, **GIVEN)
        site.node.run(*"ip address add 198.51.100.8/24 dev eth1".split())
        code = site.act("ip", "stop", **GIVEN)
        return of_a_stop(code, left=has(site, ADDRESS), harm=not has(site, "198.51.100.8"))


def other_addresses_in_a_container(site: Site) -> Grade:
    """There the kernel cannot be told otherwise: /proc/sys is read-only."""
    with cable(site):
        site.node.run(*"ip address flush dev eth1".split())
        for interface in ("eth1", "all"):
            site.node.run("sysctl", "-qw", f"net.ipv4.conf.{interface}.promote_secondaries=0")
        begin(site, **GIVEN)
        site.node.run(*"ip address add 198.51.100.8/24 dev eth1".split())
        site.node.run(*"mount --bind /proc/sys /proc/sys".split())
        site.node.run(*"mount -o remount,bind,ro /proc/sys".split())
        code = site.act("ip", "stop", **GIVEN)
        return of_a_stop(code, left=has(site, ADDRESS), harm=not has(site, "198.51.100.8"))


def digits_that_are_alike(site: Site) -> Grade:
    """198.51.100.70 is not 198.51.100.7; nor is what has it as a peer."""
    with cable(site):
        site.node.run(*"ip address add 198.51.100.70/24 dev eth1".split())
        site.node.run(*f"ip address add 203.0.113.7 peer {ADDRESS}/32 dev eth1".split())
        return of_a_monitor(site.act("ip", "monitor", ip=ADDRESS), runs=False)


def an_interface_whose_name_is_a_keyword(site: Site) -> Grade:
    """Such as "dev", which means something to ip(8)."""
    site.node.run(*"ip link add name dev type veth peer name cable2".split())
    for each in ("dev", "cable2"):
        site.node.run("ip", "link", "set", "dev", each, "up")
    given = {"ip": "203.0.113.7", "nic": "dev", "cidr_netmask": "24"}
    code = site.act("ip", "start", **given)
    start = of_a_start(code, works=has(site, "203.0.113.7", "dev"))
    return min(start, of_a_stop(site.act("ip", "stop", **given), left=has(site, "203.0.113.7")))


def a_tool_that_is_missing_at_the_stop(site: Site) -> Grade:
    """The node would be fenced for it."""
    with cable(site):
        begin(site, **GIVEN)
        site.node.run("mount", "--bind", "/dev/null", "/usr/libexec/heartbeat/send_arp")
        code = site.act("ip", "stop", **GIVEN, arp_sender="send_arp")
        return of_a_stop(code, left=has(site, ADDRESS))


def clients_that_know_another_owner(site: Site) -> Grade:
    """A client's table of neighbours has the node that had the address before."""
    with cable(site) as client:
        client.run(
            *f"ip neigh replace {ADDRESS} lladdr 02:00:00:00:00:99 dev eth1 nud stale".split()
        )
        client.run(*"sysctl -qw net.ipv4.conf.eth1.arp_accept=1".split())
        code = site.act("ip", "start", **GIVEN)
        own = site.node.hardware_address("eth1")

        def knows() -> bool:
            return own in client.run("ip", "neigh", "show", ADDRESS).stdout

        return of_a_start(code, works=eventually(knows, 3))


def a_link_local_address_on_one_of_two_interfaces(site: Site) -> Grade:
    """The same address on another interface is another address: it has to stay."""
    with cable(site):
        site.node.run(*"ip link add eth2 type veth peer name cable2".split())
        for each in ("eth2", "cable2"):
            site.node.run("ip", "link", "set", each, "up")
        site.node.run(*"ip address add fe80::7/64 dev eth2 nodad".split())
        given = {"ip": "fe80::7", "nic": "eth1", "cidr_netmask": "64"}
        code = site.act("ip", "start", **given)
        time.sleep(0.1)
        start = of_a_start(code, works=has(site, "fe80::7", "eth1"))
        code = site.act("ip", "stop", **given)
        left = has(site, "fe80::7", "eth1")
        return min(start, of_a_stop(code, left=left, harm=not has(site, "fe80::7", "eth2")))
