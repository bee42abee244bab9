"""What a start has added is known by the number of its interface, whatever that is called since."""

from __future__ import annotations

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node

ADDRESS = "198.51.100.7"
GIVEN = {"ip": ADDRESS, "nic": "eth1", "cidr_netmask": "24"}


def rename(node: Node, old: str, new: str) -> None:
    node.run("ip", "link", "set", old, "down")
    node.run("ip", "link", "set", old, "name", new)
    node.run("ip", "link", "set", new, "up")


def addresses(node: Node) -> str:
    return node.run("ip", "-o", "address").stdout


def second_interface(node: Node, name: str = "eth2") -> None:
    node.run(*f"ip link add {name} type veth peer name cable2".split())
    for each in (name, "cable2"):
        node.run("ip", "link", "set", each, "up")


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("forgotten", [False, True])
def test_a_renamed_interface_is_the_same(node: Node, forgotten: bool) -> None:
    """The address still answers: it runs, and a stop leaves nothing; without any state, too."""
    assert node.act("ip", "start", **GIVEN) == (0, "")
    if forgotten:
        node.forget()
    rename(node, "eth1", "lan0")
    assert node.act("ip", "monitor", RECURRING, **GIVEN) == (0, "")
    assert node.act("ip", "monitor", **GIVEN) == (0, "")
    assert node.act("ip", "start", **GIVEN) == (0, "")
    assert node.act("ip", "stop", **GIVEN) == (0, "")
    assert ADDRESS not in addresses(node)
    assert node.act("ip", "monitor", **GIVEN)[0] == Code.NOT_RUNNING
    assert node.act("ip", "start", **GIVEN)[0] == Code.ERR_INSTALLED


@pytest.mark.usefixtures("neighbour")
def test_a_name_that_another_interface_has_now(node: Node) -> None:
    """The address is stopped where it is, and started where the name leads now."""
    assert node.act("ip", "start", **GIVEN) == (0, "")
    rename(node, "eth1", "lan0")
    second_interface(node, "eth1")
    assert node.act("ip", "monitor", RECURRING, **GIVEN) == (0, "")
    assert node.act("ip", "stop", **GIVEN) == (0, "")
    assert ADDRESS not in addresses(node)
    assert node.act("ip", "start", **GIVEN) == (0, "")
    assert ADDRESS in node.run("ip", "address", "show", "eth1").stdout
    assert node.act("ip", "stop", **GIVEN) == (0, "")


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize(
    "now",
    [{}, {"ip": "198.51.100.9"}, {"ip": ADDRESS, "nic": "eth2"}, {"ip": "nonsense", "nic": "x"}],
    ids=["none", "another address", "another interface", "nonsense"],
)
def test_a_stop_removes_what_the_start_has_added(node: Node, now: dict[str, str]) -> None:
    """A stop of 0 means that nothing is left, whatever the parameters say by now."""
    second_interface(node)
    assert node.act("ip", "start", **GIVEN) == (0, "")
    assert node.act("ip", "stop", **now)[0] == Code.SUCCESS
    assert ADDRESS not in addresses(node)
    node.run(*f"ip address add {ADDRESS}/24 dev eth1".split())
    assert node.act("ip", "stop", **now)[0] == Code.SUCCESS
    assert ADDRESS in addresses(node)  # an administrator's, of which nothing is remembered


@pytest.mark.usefixtures("neighbour")
def test_a_stop_takes_nothing_from_an_interface_that_is_not_its_own(node: Node) -> None:
    """An address that the administrator has on another interface, too."""
    second_interface(node)
    node.run(*f"ip address add {ADDRESS}/24 dev eth2".split())
    assert node.act("ip", "start", **GIVEN) == (0, "")
    assert node.act("ip", "stop", **GIVEN) == (0, "")
    assert ADDRESS in node.run("ip", "address", "show", "eth2").stdout
    assert ADDRESS not in node.run("ip", "address", "show", "eth1").stdout


def test_this_node_is_not_called_another_host(node: Node, neighbour: Node) -> None:
    """The address is on another interface of its own, on the same network: told by its name."""
    pid = str(node.process.pid)
    neighbour.run(*"ip link add br0 type bridge".split())
    neighbour.run(*f"ip link add port2 type veth peer name eth2 netns {pid}".split())
    for port in ("eth1", "port2"):
        neighbour.run("ip", "link", "set", port, "master", "br0", "up")
    neighbour.run("ip", "link", "set", "br0", "up")
    node.run("ip", "link", "set", "eth2", "up")
    node.run(*f"ip address add {ADDRESS}/24 dev eth2".split())
    code, said = node.act("ip", "start", **GIVEN, conflict_wait="1000")
    assert code == Code.ERR_GENERIC
    assert "another host" not in said
    assert f"eth2 of this node already has {ADDRESS}" in said
    assert node.act("ip", "stop", **GIVEN) == (0, "")
    assert ADDRESS in node.run("ip", "address", "show", "eth2").stdout


@pytest.mark.usefixtures("neighbour")
def test_an_address_that_was_moved_is_a_failure(node: Node) -> None:
    """As the watcher sees it, too; a stop finds it wherever it is."""
    given = {"ip": ADDRESS}
    second_interface(node)
    assert node.act("ip", "start", **given) == (0, "")
    node.run(*f"ip address del {ADDRESS}/24 dev eth1".split())
    node.run(*f"ip address add {ADDRESS}/24 dev eth2".split())
    code, said = node.act("ip", "monitor", RECURRING, **given)
    assert (code, f"{ADDRESS} was moved to eth2" in said) == (Code.ERR_GENERIC, True)
    assert node.act("ip", "stop", **given) == (0, "")
    assert ADDRESS not in addresses(node)


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("altname", ["lan", "a-name-that-is-longer-than-fifteen", "x" * 127])
def test_an_alternative_name_of_any_length(node: Node, altname: str) -> None:
    """The kernel takes up to 127 characters for them."""
    node.run("ip", "link", "property", "add", "dev", "eth1", "altname", altname)
    given = {"ip": ADDRESS, "nic": altname}
    assert node.act("ip", "monitor", **given)[0] == Code.NOT_RUNNING
    assert node.act("ip", "start", **given) == (0, "")
    assert ADDRESS in node.run("ip", "address", "show", "eth1").stdout
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")
    assert node.act("ip", "stop", **given) == (0, "")
    assert ADDRESS not in addresses(node)


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("nic", ["eth1", ""])
def test_a_link_that_is_down_is_set_up_before_its_routes_are_asked(node: Node, nic: str) -> None:
    """With link_up=true neither prefix length nor interface need be given."""
    node.run("ip", "link", "set", "eth1", "down")
    given = {"ip": ADDRESS, "nic": nic, "link_up": "true"}
    assert node.act("ip", "start", **given) == (0, "")
    assert f"{ADDRESS}/24" in node.run("ip", "address", "show", "eth1").stdout
    assert node.act("ip", "stop", **given) == (0, "")


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("ip", [ADDRESS, "2001:db8::7"])
def test_a_route_to_the_host_alone_decides_nothing(node: Node, ip: str) -> None:
    """One that was left over, on another interface: the network's route counts."""
    second_interface(node)
    node.run("ip", "route", "add", ip, "dev", "eth2")
    assert node.act("ip", "start", ip=ip) == (0, "")
    prefix = 64 if ":" in ip else 24
    assert f"{ip}/{prefix}" in node.run("ip", "address", "show", "eth1").stdout
    assert node.act("ip", "stop", ip=ip) == (0, "")


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("ip", ["203.0.113.7", "2001:db8:1::7"])
def test_a_metric_that_is_taken_away_goes_from_the_route(node: Node, ip: str) -> None:
    """A reload without it gives the route the metric that the kernel would have given it."""
    version, prefix = ("-6", "64") if ":" in ip else ("-4", "24")
    given = {"ip": ip, "nic": "eth1", "cidr_netmask": prefix}

    def route() -> list[str]:
        shown = node.run("ip", version, "route", "show", "dev", "eth1").stdout.splitlines()
        return [line.strip() for line in shown if line.startswith(ip[:9]) and "/" in line]

    assert node.act("ip", "start", **given) == (0, "")
    before = route()
    assert node.act("ip", "stop", **given) == (0, "")
    assert node.act("ip", "start", **given, metric="77") == (0, "")
    assert any("metric 77" in line for line in route())
    assert node.act("ip", "reload-agent", **given) == (0, "")
    assert route() == before


def no_promotion(node: Node) -> None:
    """Have the kernel drop the others of a network with its first address."""
    node.run(*"ip address flush dev eth1".split())
    for interface in ("eth1", "all"):
        node.run("sysctl", "-qw", f"net.ipv4.conf.{interface}.promote_secondaries=0")


def read_only(node: Node) -> None:
    """Make /proc/sys read-only, as it is in containers."""
    node.run(*"mount --bind /proc/sys /proc/sys".split())
    node.run(*"mount -o remount,bind,ro /proc/sys".split())


@pytest.mark.usefixtures("neighbour")
def test_the_others_of_a_network_stay_where_nothing_can_be_set(node: Node) -> None:
    """They are added again as they were, with label and broadcast address."""
    no_promotion(node)
    for host in (7, 8, 9):
        node.run(*f"ip address add 198.51.100.{host}/24 brd + dev eth1 label eth1:{host}".split())
    read_only(node)
    assert node.act("ip", "stop", ip=ADDRESS) == (0, "")
    shown = addresses(node)
    assert ADDRESS not in shown
    for host in (8, 9):
        assert f"198.51.100.{host}/24 brd 198.51.100.255" in shown
        assert f"eth1:{host}" in shown


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("settable", [False, True])
def test_of_several_only_ours_go(node: Node, settable: bool) -> None:
    """What is secondary becomes primary while the others are removed, one after another."""
    no_promotion(node)
    for host in (7, 8, 9):
        node.run(*f"ip address add 198.51.100.{host}/24 dev eth1".split())
    if not settable:
        read_only(node)
    assert node.act("ip", "stop", addresses=f"{ADDRESS} 198.51.100.8") == (0, "")
    assert "198.51.100.9/24" in addresses(node)
    assert ADDRESS not in addresses(node)
    assert "198.51.100.8" not in addresses(node)


@pytest.mark.usefixtures("neighbour")
def test_a_read_only_run_folder_fails_no_action(node: Node) -> None:
    """The start only cannot remember; the stop has done its work."""
    node.state.mkdir(exist_ok=True)
    node.run("mount", "--bind", str(node.state), str(node.state))
    node.run("mount", "-o", "remount,bind,ro", str(node.state))
    assert node.act("ip", "start", **GIVEN)[0] == 0
    assert ADDRESS in addresses(node)
    assert node.act("ip", "monitor", RECURRING, **GIVEN)[0] == 0
    assert node.act("ip", "stop", **GIVEN)[0] == 0
    assert ADDRESS not in addresses(node)
