"""New agents over old ones, under a service that runs: it goes on, and no failure is recorded.

The old ones are those of the last commit whose modules lay side by side. They have started the
service, have written its files in /run and have started the watcher: the new ones go on from there.
After that Takeover is updated where it is, and Python is away for a while.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from lxml import etree

from tests.rig.conftest import RELEASES
from tests.rig.copying import copy
from tests.whole import damage_to_demo
from vagrant.common.building import CHECKOUT
from vagrant.common.networks import Link, floating_address
from vagrant.common.waiting import eventually
from vagrant.common.wheel import PACKAGES, SHARE, wheel_of
from vagrant.demo.client import Client
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import SERVICE, Administrator, create_cluster, create_database, prepare_nodes
from vagrant.description import description
from vagrant.one_machine.rig import OneMachineRig

OLD_COMMIT = "ae358a9030a6b3162729d65bd1c234dfc0ad8e11"
OLD, NEW = "/opt/takeover", "/opt/takeover.new"
COPIES = "/usr/lib/takeover/agents"
#: What Python does not start without, and what the agents' modules need, for some seconds each.
AWAY = (
    "/usr/bin/python3",
    "/usr/lib/python3.*/encodings/__init__.py",
    "/usr/lib/python3.*/struct.py",
    f"{COPIES}/current",
)
#: A line for each monitor of the application; anybody may write there.
CHECKS = "/var/lib/shop-checks"
HEALTHY = "/usr/local/bin/shop-healthy"
UNIT = "takeover-watcher"
#: What is waited for comes in seconds.
LIMIT = 60.0
MONITORS = 5


@dataclass(frozen=True)
class Update:
    """A service that old agents have started, and new ones look after.

    Args:
        rig: The rig that it runs on.
        client: Who has been using it since before the update.
        began: When the update began, in seconds since the epoch.
        server: The process that served before the update.
        starts: The starts of resources that Pacemaker knew of before the update.
    """

    rig: OneMachineRig
    client: Client
    began: float
    server: str
    starts: set[tuple[str, str]]


@pytest.fixture(scope="module")
def old_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the old commit; the repository's history is needed for it."""
    sources = tmp_path_factory.mktemp("old")
    # The checkout may be another user's.
    archive = ("git", "-c", "safe.directory=*", "-C", CHECKOUT, "archive", OLD_COMMIT)
    packed = subprocess.run(archive, stdout=subprocess.PIPE, check=True)
    subprocess.run(["tar", "--extract", "--directory", sources], input=packed.stdout, check=True)
    return wheel_of(sources)


@pytest.fixture(scope="module", params=RELEASES)
def update(request: pytest.FixtureRequest, old_wheel: Path) -> Iterator[Update]:
    """A service of old agents on two nodes, on which the new ones have just been installed."""
    rig = OneMachineRig(f"test-update-{request.param}")
    rig.down()
    with ExitStack() as stack:
        stack.callback(rig.down)
        rig.up(nodes=2, release=request.param, say=print)
        for node in rig.layout.node_names:
            _install_old(rig, node, old_wheel)
        password = _start_service(rig)
        client = stack.enter_context(Client(rig, floating_address(), password))
        client.wait_until_served(0, LIMIT)
        node = active_node(rig)
        assert eventually(lambda: _watcher(rig, node) != "0", LIMIT)
        before = Update(rig, client, time.time(), _server(rig, node), _starts(rig))
        for each in rig.layout.node_names:
            _install_new(rig, each)
        yield before


def _install_old(rig: OneMachineRig, node: str, wheel: Path) -> None:
    """Have the old version on a node, instead of this checkout's."""
    copy(rig, node, wheel, f"/root/{wheel.name}")
    pip = (f"{OLD}/bin/pip", "--quiet", "install", "--no-deps", "--no-index", "--force-reinstall")
    rig.run(node, *pip, f"/root/{wheel.name}", check=True)
    # There, modules lay side by side.
    show = "import ocf_agents.registration; print(ocf_agents.registration.__file__)"
    assert rig.run(node, f"{OLD}/bin/python3", "-c", show, check=True).stdout.startswith(OLD)


def _start_service(rig: OneMachineRig) -> str:
    """Start the demo's service, each part with a monitor every second; return its password."""
    admin = Administrator(rig, lambda node, line: print(f"{node}# {line}"), print)
    prepare_nodes(admin)
    text = description(rig)
    _, _, health = text.partition('health = "command:')
    health = health.partition('"')[0]
    for node in rig.layout.node_names:
        rig.write(node, HEALTHY, f"#!/bin/sh\necho >>{CHECKS}\nexec {health}\n")
        rig.run(node, "chmod", "755", HEALTHY, check=True)
        rig.run(node, "install", "--mode=666", "/dev/null", CHECKS, check=True)
    for old, new in (
        (f'health = "command:{health}"', f'health = "command:{HEALTHY}"\nmonitor = "1s"'),
        ('options = "noatime"', 'options = "noatime"\nmonitor = "1s"'),
        ("prefix = 24", 'prefix = 24\nmonitor = "1s"'),
    ):
        assert old in text
        text = text.replace(old, new)
    password = create_database(admin, "node1")
    create_cluster(admin, "node1", text)
    # The rig's fence agent needs Python, too, and does not wait for it: it is not monitored while
    # Python is away. Its own monitor comes once a minute, and would fall into that by chance.
    monitor = ("op", "monitor", "interval=3600s")
    rig.run("node1", "pcs", "stonith", "update", "fence-rig", *monitor, check=True)
    wait_until_whole(rig)
    return password


def _install_new(rig: OneMachineRig, node: str) -> None:
    """Update a node as an administrator does, with nothing stopped and nothing missing meanwhile.

    In a folder beside the old one: the agents of that time run with the modules that pip replaces.
    """
    wheel = Path(rig.layout.wheel).name
    rig.run(node, "cp", "--archive", OLD, NEW, check=True)
    pip = (f"{NEW}/bin/python3", "-m", "pip", "--quiet", "install", "--no-deps", "--no-index")
    rig.run(node, *pip, "--force-reinstall", f"/opt/{wheel}", check=True)
    rig.run(node, f"{NEW}/bin/takeover", "agents", "install", check=True)
    rig.run(node, "ln", "--symbolic", "--force", f"{NEW}/bin/takeover", "/usr/local/bin/takeover")


def _server(rig: OneMachineRig, node: str) -> str:
    """The first process of PostgreSQL on the node that runs it."""
    return rig.run(node, "head", "-1", "/srv/shop/data/postmaster.pid", check=True).stdout.strip()


def _starts(rig: OneMachineRig) -> set[tuple[str, str]]:
    """The resource and the call of every start that Pacemaker knows of."""
    seen = rig.run("node1", "crm_mon", "--output-as=xml", "--one-shot", check=True).stdout
    histories = etree.fromstring(seen.encode()).iterfind("node_history/node/resource_history")
    return {
        (str(history.get("id")), str(operation.get("call")))
        for history in histories
        for operation in history.iterfind("operation_history[@task='start']")
    }


def _watcher(rig: OneMachineRig, node: str) -> str:
    """The watcher's process on a node, "0" if there is none."""
    show = ("systemctl", "show", "--property=MainPID", "--value", UNIT)
    return rig.run(node, *show).stdout.strip()


def _told(update: Update, node: str) -> str:
    """What the watcher has told Pacemaker on a node since the update began."""
    journal = ("journalctl", f"--unit={UNIT}", f"--since=@{update.began:.0f}", "--no-pager")
    lines = update.rig.run(node, *journal, check=True).stdout.splitlines()
    return "\n".join(line for line in lines if "told Pacemaker" in line)


def _checks(rig: OneMachineRig, node: str) -> int:
    return rig.run(node, "cat", CHECKS, check=True).stdout.count("\n")


def _wait_for_monitors(update: Update, node: str) -> None:
    """Wait until each resource, which is all monitored alike, has been monitored several times."""
    expected = _checks(update.rig, node) + MONITORS
    assert eventually(lambda: _checks(update.rig, node) >= expected, LIMIT, pause=0.2)


def _happen(rig: OneMachineRig, node: str) -> None:
    """Have mounts and addresses change, which is what the watcher watches, but no resource's."""
    address = f"{Link.LINK0.subnet[201]}/32"
    for command in (
        "mount -t tmpfs none /mnt",
        "umount /mnt",
        f"ip address add {address} dev {Link.LINK0}",
        f"ip address del {address} dev {Link.LINK0}",
    ):
        rig.run(node, *command.split(), check=True)


def _assert_nothing_happened(update: Update, node: str) -> None:
    """Nothing is recorded as failed or counted, nobody was told, and the same server serves."""
    assert damage_to_demo(update.rig) == []
    assert _told(update, node) == ""
    assert active_node(update.rig) == node
    assert _server(update.rig, node) == update.server
    assert _starts(update.rig) == update.starts


def test_the_service_runs_on_under_the_new_agents(update: Update) -> None:
    """Monitors of the new ones, and events of the watcher that the old ones have started."""
    node = active_node(update.rig)
    launcher = update.rig.run(node, "cat", "/usr/lib/ocf/resource.d/takeover/app", check=True)
    assert "/usr/lib/takeover/agents" in launcher.stdout
    assert "/opt/" not in launcher.stdout
    _wait_for_monitors(update, node)
    _happen(update.rig, node)
    _wait_for_monitors(update, node)
    _assert_nothing_happened(update, node)


def test_nothing_needs_the_old_version_any_more(update: Update) -> None:
    """Removed, its watcher ends; a monitor starts the new one, and that is content, too."""
    node = active_node(update.rig)
    old = _watcher(update.rig, node)
    for each in update.rig.layout.node_names:
        update.rig.run(each, "rm", "--recursive", OLD, check=True)
    _happen(update.rig, node)
    assert eventually(lambda: _watcher(update.rig, node) not in ("0", old), LIMIT, pause=0.2)
    _happen(update.rig, node)
    _wait_for_monitors(update, node)
    _assert_nothing_happened(update, node)


def test_what_old_agents_have_started_the_new_ones_stop(update: Update) -> None:
    """On its node; it starts on the other one, and comes back. No row is lost, nothing fails."""
    first = active_node(update.rig)
    second = next(node for node in update.rig.layout.node_names if node != first)
    for source, target in ((first, second), (second, first)):
        standby = ("pcs", "node", "standby", source, f"--wait={LIMIT:.0f}")
        update.rig.run(source, *standby, check=True)
        update.client.wait_until_served(time.monotonic(), LIMIT)
        assert active_node(update.rig) == target
        _wait_for_monitors(update, target)
        update.rig.run(target, "pcs", "node", "unstandby", source, check=True)
        wait_until_whole(update.rig)
        assert damage_to_demo(update.rig) == []
        assert _told(update, source) == _told(update, target) == ""
    assert update.client.check().lost == []


def test_a_failure_is_told_by_the_new_watcher(update: Update) -> None:
    """When it happens; the service comes back, and no row is lost."""
    node = active_node(update.rig)
    update.rig.run(node, "kill", "-KILL", _server(update.rig, node), check=True)
    assert eventually(lambda: f"{SERVICE}-app" in _told(update, node), LIMIT, pause=0.2)
    update.client.wait_until_served(time.monotonic(), LIMIT)
    assert update.client.check().lost == []


@pytest.fixture(scope="module")
def next_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a later version: the same, with another number."""
    sources = tmp_path_factory.mktemp("next")
    for name in (*PACKAGES, SHARE, "README.md", "LICENSE"):
        source, target = Path(CHECKOUT) / name, sources / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    project = (Path(CHECKOUT) / "pyproject.toml").read_text()
    changed = re.sub(r'^version = ".*"$', 'version = "99.0"', project, flags=re.MULTILINE)
    assert changed != project
    (sources / "pyproject.toml").write_text(changed)
    return wheel_of(sources)


def test_an_update_in_place_hurts_nobody(update: Update, next_wheel: Path) -> None:
    """On all nodes, one after another, as documented; the new watcher takes over at once."""
    rig, node = update.rig, active_node(update.rig)
    # What the test before this one has broken is over.
    rig.run(node, "crm_resource", "--cleanup", check=True)
    rig.run(node, "crm_resource", "--wait", check=True)
    assert eventually(lambda: damage_to_demo(rig) == [], LIMIT)
    assert eventually(lambda: _watcher(rig, node) != "0", LIMIT)
    _wait_for_monitors(update, node)
    update = replace(update, server=_server(rig, node), starts=_starts(rig), began=time.time())
    before = _current(rig, node)
    for each in rig.layout.node_names:
        copy(rig, each, next_wheel, f"/root/{next_wheel.name}")
        pip = (f"{NEW}/bin/python3", "-m", "pip", "--quiet", "install", "--no-deps", "--no-index")
        rig.run(each, *pip, "--force-reinstall", f"/root/{next_wheel.name}", check=True)
        _wait_for_monitors(update, node)
        rig.run(each, f"{NEW}/bin/takeover", "agents", "install", check=True)
        assert _current(rig, each).startswith("99.0-")
        _wait_for_monitors(update, node)
    assert eventually(lambda: "/99.0-" in _watcher_program(rig, node), LIMIT, pause=0.2)
    _happen(rig, node)
    _wait_for_monitors(update, node)
    _assert_nothing_happened(update, node)
    kept = rig.run(node, "ls", COPIES, check=True).stdout.split()
    assert before in kept
    assert update.client.check().lost == []


@pytest.mark.parametrize("path", AWAY)
def test_python_or_its_modules_are_away_for_a_while(update: Update, path: str) -> None:
    """On all nodes, one after another, as while packages are unpacked: monitors wait."""
    rig, node = update.rig, active_node(update.rig)
    update = replace(update, server=_server(rig, node), starts=_starts(rig), began=time.time())
    move = f'for f in {path}; do mv -T "$f" "$f.dpkg-new"; done'
    put_back = f'for f in {path}.dpkg-new; do mv -T "$f" "${{f%.dpkg-new}}"; done'
    for each in rig.layout.node_names:
        checks = _checks(rig, node)
        rig.run(each, "sh", "-c", f"{move}; sleep 4; {put_back}", check=True)
        if each == node:
            assert _checks(rig, node) - checks <= MONITORS  # else nothing was away
        _wait_for_monitors(update, node)
    _assert_nothing_happened(update, node)
    assert update.client.check().lost == []


def _current(rig: OneMachineRig, node: str) -> str:
    """Return the name of the copy of the modules that is installed on a node."""
    return rig.run(node, "readlink", f"{COPIES}/current", check=True).stdout.strip()


def _watcher_program(rig: OneMachineRig, node: str) -> str:
    """Return the command of a node's watcher."""
    return rig.run(node, "ps", "-o", "args=", "-p", _watcher(rig, node)).stdout
