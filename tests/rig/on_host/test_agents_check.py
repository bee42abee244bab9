"""Our agents on trial by `takeover agents check`, on real addresses, filesystems and processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.install.launchers import install_agents
from tests.rig.on_host.conftest import Node
from tests.rig.on_host.disks import image, loop

CHECKOUT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from pcs_wrapper.cli import main; main()", "agents", "check"]
# What cannot be judged of these agents, and why; all the rest is.
ALWAYS_SKIPPED = {
    "meta-data-nobody": "can only be entered by its owner",  # pytest's folder, in which they are
    "notify": "has no notify",
    "promote": "has no roles",
    "stop-promoted": "has no roles",
}
# ip needs one of two parameters, thus none of them in every case.
NONE_REQUIRED = ("start-without-parameters", "validate-without-parameters")


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    """Return the folder of the installed agents."""
    [agent, *_] = install_agents(tmp_path)
    return agent.parent


def check(
    enter: list[str], agent: Path, *parameters: str, only: tuple[str, ...] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Check an agent strictly; return what is wrong by rule, and why rules were skipped."""
    given = [word for parameter in parameters for word in ("-o", parameter)]
    given += [word for rule in only for word in ("--only", rule)]
    done = subprocess.run(
        [*enter, *COMMAND, str(agent), *given, "--strict", "--json"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode in (0, 1), done.stderr
    results = json.loads(done.stdout)["results"]
    wrong = {r["rule"]: json.dumps(r["faults"], indent=1) for r in results if r["faults"]}
    skipped = {r["rule"]: r["why"] for r in results if r["verdict"] == "skipped"}
    assert (done.returncode == 1) == bool(wrong), done.stderr
    return wrong, skipped


def assert_faultless(
    enter: list[str], agent: Path, *parameters: str, unjudged: tuple[str, ...] = ()
) -> None:
    """Assert that an agent breaks no rule, not even one that only says "should"."""
    wrong, skipped = check(enter, agent, *parameters)
    assert not wrong, "\n".join(f"{rule}: {faults}" for rule, faults in wrong.items())
    assert skipped.keys() == ALWAYS_SKIPPED.keys() | set(unjudged), skipped
    for rule, why in ALWAYS_SKIPPED.items():
        assert why in skipped[rule]


def test_app_breaks_no_rule(agents: Path) -> None:
    """An application with a process that sleeps."""
    assert_faultless([], agents / "app", "binfile=/usr/bin/sleep", "cmdline_options=603")


@pytest.mark.parametrize("ip", ["198.51.100.7", "2001:db8::7"])
def test_ip_breaks_no_rule(agents: Path, node: Node, ip: str) -> None:
    """An address on a cable between two interfaces."""
    node.run(*"ip link add eth1 type veth peer name eth2".split())
    for name in ("eth1", "eth2"):
        node.run("ip", "link", "set", name, "up")
    node.run(*"ip address add 198.51.100.1/24 dev eth1".split())
    node.run(*"ip address add 2001:db8::1/64 dev eth1 nodad".split())
    assert_faultless(node.enter, agents / "ip", f"ip={ip}", "nic=eth1", unjudged=NONE_REQUIRED)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[str]:
    """Return a loop device with an ext4 filesystem."""
    with loop(image(tmp_path / "disk.img")) as device:
        yield device


def test_filesystem_breaks_no_rule(agents: Path, node: Node, disk: str, tmp_path: Path) -> None:
    """An ext4 filesystem on a loop device."""
    parameters = (f"device={disk}", f"directory={tmp_path}/mnt", "fstype=ext4")
    assert_faultless(node.enter, agents / "filesystem", *parameters)


STOCK = Path("/usr/lib/ocf/resource.d/heartbeat")
ADDRESS = ("ip=198.51.100.7", "nic=eth1")
DATA = ("device=DISK", "directory=FOLDER/mnt", "fstype=ext4")
SLEEP = ("binfile=/bin/sleep", "cmdline_options=604")
LINK = ("link=FOLDER/link", "target=/etc/hostname")
SLOW = ("startdelay=3", "stopdelay=1", "mondelay=0")
# The faults that docs/checking-agents.md names: agent, parameters, rules.
FAULTS: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    ("IPaddr2", ADDRESS, ("stop-without-programs", "clone-numbers", "stop-with-wrong-parameters")),
    ("Filesystem", DATA, ("stop-without-programs", "stop-without-parameters", "monitor-levels")),
    ("Filesystem", DATA, ("extra-arguments", "validate-without-parameters")),
    ("Filesystem", DATA, ("start-without-parameters",)),
    ("symlink", LINK, ("stop-without-parameters", "extra-arguments")),
    ("Stateful", (), ("stop-promoted",)),
    ("dummypy", ("state=FOLDER/state",), ("action-variable", "extra-arguments")),
    ("Delay", SLOW, ("timeout", "unknown-action", "extra-arguments")),
    ("anything", SLEEP, ("start-without-parameters", "validate-without-parameters")),
    ("anything", SLEEP, ("values-are-data",)),
]


@pytest.mark.skipif(not STOCK.exists(), reason="needs Debian's package resource-agents")
@pytest.mark.parametrize(("agent", "parameters", "rules"), FAULTS)
def test_it_finds_the_faults_of_stock_agents(
    *, agent: str, parameters: tuple[str, ...], rules: tuple[str, ...],
    node: Node, disk: str, tmp_path: Path,
) -> None:  # fmt: skip
    """Each fault that the documentation names is found."""
    node.run(*"ip link add eth1 type veth peer name eth2".split())
    for name in ("eth1", "eth2"):
        node.run("ip", "link", "set", name, "up")
    node.run(*"ip address add 198.51.100.1/24 dev eth1".split())
    pretend_modprobe(node)
    given = [p.replace("DISK", disk).replace("FOLDER", str(tmp_path)) for p in parameters]
    wrong, skipped = check(node.enter, STOCK / agent, *given, only=rules)
    assert wrong.keys() == set(rules), skipped


def pretend_modprobe(node: Node) -> None:
    """Put a modprobe that does nothing on the node: without one Filesystem does nothing either."""
    node.run("mount", "-t", "tmpfs", "none", "/usr/local/sbin")
    node.run("ln", "-s", "/bin/true", "/usr/local/sbin/modprobe")
    # anything runs the login profile of its user, which may be slow and is not ours.
    for profile in (Path("/root/.profile"), Path("/root/.bash_profile")):
        if profile.exists():
            node.run("mount", "--bind", "/dev/null", str(profile))
