"""The watcher, with the real agents on real addresses, disks and processes.

`TAKEOVER_CYCLES` sets how often services are started and stopped to see that nothing is told.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ocf_agents.runtime import registration
from tests.rig.on_host.conftest import RECURRING, Node
from tests.rig.on_host.disks import attach, image, loop, no_other_attaches
from tests.watching import LIMIT, Pacemaker, Watcher
from vagrant.common.kernel import remove_loop_device
from vagrant.common.waiting import eventually

NODE = {"OCF_RESKEY_CRM_meta_on_node": "node1"}
RESOURCE = f"host-test-{os.getpid()}"
ADDRESS4, ADDRESS6 = "198.51.100.7", "2001:db8::7"
SOON = 0.5  # seconds in which nothing must happen; what has to be told is told in a tenth
LATE = 3.0  # seconds after which it would have been the monitor's work, on the busiest machine
CYCLES = int(os.environ.get("TAKEOVER_CYCLES", "20"))
FILESYSTEMS = {"ext4": (32, "errors=remount-ro"), "xfs": (320, ""), "btrfs": (128, "")}  # MiB


@pytest.fixture
def pacemaker(tmp_path: Path) -> Pacemaker:
    return Pacemaker(tmp_path / "pacemaker")


@pytest.fixture
def watcher(node: Node, pacemaker: Pacemaker) -> Iterator[Watcher]:
    """Return the node's watcher, which runs."""
    made = Watcher(node.state, pacemaker, node.enter)
    with made.running():
        yield made


@pytest.fixture
def cable(node: Node) -> Node:
    """Give the node an interface eth1, and the other end of its cable, far1."""
    node.run(*"ip link add eth1 type veth peer name far1".split())
    for interface in ("eth1", "far1"):
        node.run("ip", "link", "set", interface, "up")
    node.run(*"ip address add 198.51.100.1/24 dev eth1".split())
    node.run(*"ip address add 2001:db8::1/64 dev eth1 nodad".split())
    return node


@pytest.fixture(params=FILESYSTEMS)
def mounted(
    request: pytest.FixtureRequest, node: Node, watcher: Watcher, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """Return the parameters of a filesystem that was started."""
    assert watcher.process.poll() is None
    kind = str(request.param)
    size, options = FILESYSTEMS[kind]
    with loop(image(tmp_path / "disk.img", f"mkfs.{kind}", "-q", size=size)) as device:
        given = {"device": device, "directory": str(tmp_path / "mnt"), "fstype": kind}
        given["options"] = options
        assert node.act("filesystem", "start", NODE, **given) == (0, "")
        yield given
        node.run("umount", "--all-targets", device, check=False)


def reason(pacemaker: Pacemaker, since: float) -> str:
    """Return the reason of the one failure that was told, soon after `since`."""
    [told] = pacemaker.wait_until_told(RESOURCE)
    print(f"told after {told.at - since:.3f} s")
    assert told.at - since < LATE
    assert eventually(lambda: len(pacemaker.calls("attrd_updater")) == 1, LIMIT)
    [kept] = pacemaker.calls("attrd_updater")
    update = kept.arguments.partition("--update=")[2].removesuffix(" --private")
    return update.partition(" ")[2]


def test_a_killed_process_is_told(node: Node, watcher: Watcher, pacemaker: Pacemaker) -> None:
    """With its name and number."""
    # No test beside this one has a process with the same arguments.
    seconds = f"{100_000 + os.getpid()}"
    given = {"binfile": "/bin/sleep", "cmdline_options": seconds, "ready": "command:/bin/true"}
    assert node.act("app", "start", NODE, **given) == (0, "")
    watcher.wake()
    expected = [b"/bin/sleep", seconds.encode()]
    [pid] = [pid for pid, arguments in _processes() if arguments[:2] == expected]
    time.sleep(SOON)
    assert pacemaker.calls() == []
    since = time.time()
    os.kill(pid, signal.SIGKILL)
    assert reason(pacemaker, since) == f"sleep ({pid}) has ended"
    assert node.act("app", "stop", NODE, **given) == (0, "")


@pytest.mark.usefixtures("watcher")
@pytest.mark.parametrize(
    ("address", "strike", "why"),
    [
        (ADDRESS4, f"ip address del {ADDRESS4}/24 dev eth1",
         f"{ADDRESS4} was removed from its interface"),
        (ADDRESS6, f"ip address del {ADDRESS6}/64 dev eth1",
         f"{ADDRESS6} was removed from its interface"),
        (ADDRESS4, "ip address flush dev eth1", f"{ADDRESS4} was removed from its interface"),
        (ADDRESS4, "ip link set far1 down", "the link eth1 is down: down in the layer below"),
        (ADDRESS4, "ip link set eth1 down", "the link eth1 is down: not set up"),
        (ADDRESS4, "ip link del eth1", f"{ADDRESS4} was removed from its interface"),
    ],
)  # fmt: skip
def test_an_address_or_a_link_that_is_lost_is_told(
    address: str, strike: str, why: str, cable: Node, pacemaker: Pacemaker
) -> None:
    """Whatever somebody does to the address, the interface or the cable."""
    assert cable.act("ip", "start", NODE, ip=address, nic="eth1") == (0, "")
    time.sleep(SOON)
    assert pacemaker.calls() == []
    since = time.time()
    cable.run(*strike.split())
    assert reason(pacemaker, since) == why
    assert cable.act("ip", "stop", NODE, ip=address) == (0, "")


@pytest.mark.parametrize(
    ("strike", "why"),
    [
        ("mount -o remount,ro {directory}", "{device} on {directory} has become read-only"),
        ("umount {directory}", "{directory} is not mounted any more"),
        ("umount --lazy {directory}", "{directory} is not mounted any more"),
        ("mount -t tmpfs tmpfs {directory}",
         "another device, tmpfs, is mounted on {directory}"),
    ],
)  # fmt: skip
def test_a_filesystem_that_is_lost_is_told(
    strike: str, why: str, node: Node, mounted: dict[str, str], pacemaker: Pacemaker
) -> None:
    """Whatever somebody does to the mount."""
    time.sleep(SOON)
    assert pacemaker.calls() == []
    since = time.time()
    node.run(*strike.format(**mounted).split())
    assert reason(pacemaker, since) == why.format(**mounted)


@pytest.mark.parametrize("mounted", ["ext4", "xfs"], indirect=True)
def test_a_filesystem_that_the_kernel_gives_up_is_told(
    node: Node, mounted: dict[str, str], pacemaker: Pacemaker
) -> None:
    """Neither a mount nor a remount happens then: the kernel's log is what wakes the watcher."""
    time.sleep(SOON)
    assert pacemaker.calls() == []
    since = time.time()
    if mounted["fstype"] == "ext4":
        name = mounted["device"].removeprefix("/dev/")
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("1")
        why = "{device} on {directory} has become read-only"
    else:
        node.run("xfs_io", "-x", "-c", "shutdown", mounted["directory"])
        why = "{directory} was shut down by XFS after an error"
    assert reason(pacemaker, since) == why.format(**mounted)


def test_a_disk_that_vanishes_is_told(
    tmp_path: Path, node: Node, watcher: Watcher, pacemaker: Pacemaker
) -> None:
    """When the kernel removes it."""
    device = attach(image(tmp_path / "disk.img"))
    name = Path(device).name
    try:
        number = Path(f"/sys/block/{name}/dev").read_text().strip()
        script = (
            "from ocf_agents.runtime import registration as r; import os;"
            f"r.write(os.environ, '{RESOURCE}', 'node1', ['device {number}'])"
        )
        command = (sys.executable, "-ISc", f"import sys; sys.path += {sys.path!r}; {script}")
        node.run(*command, HA_RSCTMP=str(node.state))
        watcher.wake()
        watcher.wake()
        assert pacemaker.calls() == []
    finally:
        since = time.time()
        with no_other_attaches():
            assert eventually(lambda: remove_loop_device(int(name.removeprefix("loop"))), LIMIT)
    assert reason(pacemaker, since) == f"the disk {name} has vanished"


def test_a_storm_of_events_is_survived(cable: Node, watcher: Watcher, pacemaker: Pacemaker) -> None:
    """Thousands of changes that are none of its business cost little, and hide nothing."""
    assert cable.act("ip", "start", NODE, ip=ADDRESS4, nic="eth1") == (0, "")
    before = _processor_time(watcher)
    began = time.monotonic()
    batch = "".join(
        f"address add 203.0.113.{number}/32 dev far1\naddress del 203.0.113.{number}/32 dev far1\n"
        for number in range(1, 255)
    )
    for _ in range(10):
        subprocess.run([*cable.enter, "ip", "-batch", "-"], input=batch, text=True, check=True)
    used = (_processor_time(watcher) - before) / (time.monotonic() - began)
    print(f"{used:.1%} of a processor in the storm")
    assert pacemaker.calls() == []
    since = time.time()
    cable.run(*f"ip address del {ADDRESS4}/24 dev eth1".split())
    assert reason(pacemaker, since) == f"{ADDRESS4} was removed from its interface"


def _processor_time(watcher: Watcher) -> float:
    """Return the seconds of processor time that the watcher has used."""
    schedule = Path(f"/proc/{watcher.process.pid}/schedstat").read_text().split()
    return int(schedule[0]) / 1e9


def _watchers(node: Node) -> list[int]:
    """Return the processes that watch a node's registrations, as the agents start them."""
    folder = os.fsencode(registration.folder({"HA_RSCTMP": str(node.state)}))
    return [
        pid
        for pid, arguments in _processes()
        if folder in arguments and any(word.endswith(b"/watcher/daemon.py") for word in arguments)
    ]


def _processes() -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number and the arguments of each process."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield int(process.name), (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended


def test_a_killed_watcher_comes_back(cable: Node, pacemaker: Pacemaker) -> None:
    """A start brings it, and the next monitor brings it again; then it knows what to watch."""
    # Where the agents' watcher looks for Pacemaker's programs.
    cable.run("mount", "--bind", str(pacemaker.programs), "/usr/local/sbin")
    assert cable.act("ip", "start", NODE, ip=ADDRESS4, nic="eth1") == (0, "")
    try:
        assert eventually(lambda: len(_watchers(cable)) == 1, LIMIT)
        [first] = _watchers(cable)
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: _watchers(cable) == [], LIMIT)
        assert cable.act("ip", "monitor", NODE | RECURRING, ip=ADDRESS4) == (0, "")
        assert eventually(lambda: len(_watchers(cable)) == 1, LIMIT)
        assert pacemaker.calls() == []
        since = time.time()
        cable.run(*f"ip address del {ADDRESS4}/24 dev eth1".split())
        assert reason(pacemaker, since) == f"{ADDRESS4} was removed from its interface"
    finally:
        for pid in _watchers(cable):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep processors busy, as long as the `with` block lasts."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_no_false_alarm(
    make_node: Callable[[], Node], pacemaker: Pacemaker, tmp_path: Path
) -> None:
    """A service moves between two nodes again and again, on a busy machine: nothing is told."""
    nodes = [make_node() for _ in range(2)]
    application = {"binfile": "/bin/sleep", "cmdline_options": "604", "ready": "command:/bin/true"}
    address = {"ip": ADDRESS4, "nic": "eth1", "cidr_netmask": "24"}
    with ExitStack() as stack:
        device = stack.enter_context(loop(image(tmp_path / "disk.img")))
        filesystem = {"device": device, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
        service = [("filesystem", filesystem), ("app", application), ("ip", address)]
        for node in nodes:
            node.run(*"ip link add eth1 type veth peer name far1".split())
            for interface in ("eth1", "far1"):
                node.run("ip", "link", "set", interface, "up")
            stack.enter_context(Watcher(node.state, pacemaker, node.enter).running())
        stack.enter_context(load(os.cpu_count() or 1))
        for cycle in range(CYCLES):
            node = nodes[cycle % 2]
            for agent, given in service:
                named = NODE | {"OCF_RESOURCE_INSTANCE": f"{RESOURCE}-{agent}"}
                for action in ("start", "monitor", "reload-agent"):
                    environ = named | (RECURRING if action == "monitor" else {})
                    assert node.act(agent, action, environ, **given) == (0, "")
            for agent, given in reversed(service):
                named = NODE | {"OCF_RESOURCE_INSTANCE": f"{RESOURCE}-{agent}"}
                assert node.act(agent, "stop", named, **given)[0] == 0
            assert pacemaker.calls() == [], f"in cycle {cycle}"
        time.sleep(SOON)
    assert pacemaker.calls() == []
