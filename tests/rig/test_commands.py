"""The commands on real nodes: with a cluster, without one, and with what is missing or wrong."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from ocf_agents.app import App
from ocf_agents.filesystem import Filesystem
from ocf_agents.ip import Ip
from ocf_agents.runtime.agent import Agent
from tests.breaking import broken_fencing, powered_off
from tests.rig.conftest import Shop
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import SERVICE, cluster_status
from vagrant.description import DESCRIPTION
from vagrant.one_machine.rig import OneMachineRig
from vagrant.rig import Rig

_SCHEMA = "/usr/share/pacemaker/pacemaker-3.9.rng"
Takeover = Callable[..., subprocess.CompletedProcess[str]]


def _configuration(rig: Rig) -> str:
    """What the administrator configured: the CIB without the status, which changes by itself."""
    query = ("cibadmin", "--query", "--scope", "configuration")
    return rig.run("node1", *query, check=True).stdout


def _started(rig: Rig) -> str:
    """When the service's application was started."""
    scope = (f"takeover-app-{SERVICE}-app.scope", "--property=ActiveEnterTimestampMonotonic")
    return rig.run(active_node(rig), "systemctl", "show", *scope, check=True).stdout


def test_the_rendering_is_valid_by_the_installed_schema(shop: Shop) -> None:
    """The tool xmllint and Pacemaker's own RNG agree that `render` writes a CIB."""
    rendered = shop.rig.run("node1", "takeover", "render", DESCRIPTION, check=True)
    lint = ("xmllint", "--noout", "--relaxng", _SCHEMA, "-")
    shop.rig.run("node1", *lint, text=rendered.stdout, check=True)


def test_a_second_run_changes_nothing(shop: Shop) -> None:
    """`cluster create` and `apply` again: the same configuration, nothing restarted."""
    before, started = _configuration(shop.rig), _started(shop.rig)
    create = ("takeover", "cluster", "create", DESCRIPTION)
    shop.admin.types("node1", *create, "--password-file", "/root/hacluster.password")
    shop.admin.types("node1", "takeover", "apply", DESCRIPTION)
    assert _configuration(shop.rig) == before
    assert _started(shop.rig) == started


def test_what_pcs_made_is_left_alone(shop: Shop) -> None:
    """A resource that an administrator made with pcs survives an apply."""
    with shop.made_with_pcs("theirs"):
        shop.admin.types("node1", "takeover", "apply", DESCRIPTION)
        assert 'id="theirs"' in _configuration(shop.rig)
    wait_until_whole(shop.rig)


def test_removing_a_service_from_the_description_removes_it(shop: Shop) -> None:
    """Without the service the cluster stops it and forgets it; with it, all is as before."""
    text = shop.rig.run("node1", "cat", DESCRIPTION, check=True).stdout
    head, _, _ = text.partition(f"[services.{SERVICE}]")
    shop.rig.write("node1", "/root/empty.toml", head)
    shop.admin.types("node1", "takeover", "apply", "/root/empty.toml")
    assert cluster_status(shop.rig, "node1")["services"] == []
    assert shop.rig.status()["disks"]["mounted"] == {}
    shop.admin.types("node1", "takeover", "apply", DESCRIPTION)
    wait_until_whole(shop.rig)


def test_a_stopped_cluster_is_exit_code_4(shop: Shop) -> None:
    """On a node where the cluster is stopped, status says so, and how to start it."""
    shop.admin.types("node3", "pcs", "cluster", "stop")
    result = shop.rig.run("node3", "takeover", "status")
    assert result.returncode == 4
    assert "no cluster runs on this machine" in result.stderr
    assert "takeover cluster start" in result.stderr
    shop.admin.types("node3", "pcs", "cluster", "start")
    wait_until_whole(shop.rig)


@pytest.mark.one_machine("SBD is in the node itself, and has no switch that could refuse")
def test_apply_without_quorum_pushes_nothing(shop: Shop) -> None:
    """A partition that may not decide does not change the configuration either."""
    others = ("node2", "node3")
    with powered_off(shop.rig, *others), broken_fencing(shop.rig, *others):
        assert eventually(lambda: not cluster_status(shop.rig, "node1")["quorum"], 60, pause=0.5)
        before = _configuration(shop.rig)
        text = shop.rig.run("node1", "cat", DESCRIPTION, check=True).stdout
        shop.rig.write("node1", "/root/other.toml", text.replace('"noatime"', '"relatime"'))
        result = shop.rig.run("node1", "takeover", "apply", "/root/other.toml")
        assert result.returncode == 1
        assert "quorum" in result.stderr
        assert _configuration(shop.rig) == before
    wait_until_whole(shop.rig)


@pytest.mark.one_machine("its fence agent is the one-machine rig's")
def test_a_fence_device_that_cannot_start_is_a_failure(shop: Shop) -> None:
    """Services that run are not enough: apply ends with 1 until every fencing device runs."""
    text = shop.rig.run("node1", "cat", DESCRIPTION, check=True).stdout
    good = 'agent = "fence_takeover_rig"'
    bad = f'{good}\nparameters = {{ socket = "/nowhere" }}'
    shop.rig.write("node1", "/root/bad-fencing.toml", text.replace(good, bad))
    result = shop.rig.run("node1", "takeover", "apply", "/root/bad-fencing.toml")
    assert result.returncode == 1
    assert "fence-rig" in result.stdout + result.stderr
    shop.admin.types("node1", "takeover", "apply", DESCRIPTION)
    wait_until_whole(shop.rig)


@pytest.mark.parametrize("agent", [Ip, Filesystem, App])
def test_pcs_describes_the_agents(shop: Shop, agent: type[Agent]) -> None:
    """`pcs resource describe` finds the installed agents and shows each parameter."""
    name = f"ocf:takeover:{agent.name}"
    shown = shop.rig.run("node1", "pcs", "resource", "describe", name, check=True).stdout
    assert shown.startswith(f"{name} - {agent.short}")
    for parameter in agent.parameters():
        required = " (required)" if parameter.required else ""
        assert f"\n  {parameter.name}{required}" in shown


def test_an_ordinary_user_changes_nothing(shop: Shop) -> None:
    """Without root, apply says so and leaves the cluster alone."""
    readable = "/var/lib/shop.toml"
    shop.rig.run("node1", "install", "-m", "644", DESCRIPTION, readable, check=True)
    before = _configuration(shop.rig)
    as_nobody = ("runuser", "-u", "nobody", "--")
    result = shop.rig.run("node1", *as_nobody, "takeover", "apply", readable)
    assert result.returncode == 1
    assert result.stderr == "this needs root: run it again with sudo\n"
    assert _configuration(shop.rig) == before


@pytest.fixture(scope="module")
def bare_node() -> Iterator[Rig]:
    """One node with pcs and Pacemaker installed, but no cluster; the description is a good one."""
    rig = OneMachineRig("test-bare")
    rig.down()
    try:
        rig.up(nodes=1, say=print)
        rig.run("node1", "takeover", "agents", "install", check=True)
        yield rig
    finally:
        rig.down()


def _apply(rig: Rig, description: str | None) -> subprocess.CompletedProcess[str]:
    if description is not None:
        rig.write("node1", "/root/bad.toml", description)
    else:
        rig.run("node1", "rm", "-f", "/root/bad.toml")
    result = rig.run("node1", "takeover", "apply", "/root/bad.toml")
    assert "Traceback" not in result.stdout + result.stderr
    return result


GOOD = """\
schema = 1
[cluster]
name = "shop"
[nodes.node1]
links = ["198.51.100.11"]
[nodes.node2]
links = ["198.51.100.12"]
[fencing.rig]
agent = "fence_takeover_rig"
[services.web]
pattern = "standby"
nodes = ["node1", "node2"]
[services.web.app]
command = ["/bin/sleep", "infinity"]
"""
BAD = {
    "an unknown key": (GOOD.replace("command =", "comand ="), "did you mean 'command'"),
    "a wrong type": (GOOD.replace('"shop"', "5"), "cluster.name"),
    "a node that is not there": (GOOD.replace('"node2"]', '"node7"]'), "node7"),
    "a missing file": (None, "/root/bad.toml"),
    "not TOML at all": ("<cib/>", "/root/bad.toml:1"),
}


@pytest.mark.parametrize("mistake", list(BAD))
def test_a_bad_description_is_exit_code_2(bare_node: Rig, mistake: str) -> None:
    """Every mistake is told with its place; there is no traceback, and nothing is done."""
    description, told = BAD[mistake]
    result = _apply(bare_node, description)
    assert result.returncode == 2
    assert told in result.stderr


def test_without_a_cluster_is_exit_code_4(bare_node: Rig) -> None:
    """Both apply and status say that there is no cluster here, and how to create one."""
    for result in (_apply(bare_node, GOOD), bare_node.run("node1", "takeover", "status")):
        assert result.returncode == 4
        assert "takeover cluster create" in result.stderr


def test_without_pcs_is_exit_code_1(bare_node: Rig) -> None:
    """A machine without pcs is told which package has it."""
    bare_node.run("node1", "mv", "/usr/sbin/pcs", "/usr/sbin/pcs.away", check=True)
    try:
        result = _apply(bare_node, GOOD)
    finally:
        bare_node.run("node1", "mv", "/usr/sbin/pcs.away", "/usr/sbin/pcs", check=True)
    assert result.returncode == 1
    assert "pcs is not installed" in result.stderr
    assert "apt install pcs" in result.stderr
