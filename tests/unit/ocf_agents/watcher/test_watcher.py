"""The node's watcher: what it tells, what it keeps to itself, and that nothing ends it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.runtime import mountinfo, registration
from ocf_agents.runtime.process import identify
from tests.watching import LIMIT, Pacemaker, Watcher
from vagrant.common.waiting import eventually

IDLE = 1.5  # seconds in which it looks again at what has no event
SOON = 0.3  # seconds in which nothing must happen


class Program:
    """A process that does nothing."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["sleep", "600"])

    @property
    def watch(self) -> str:
        """What watches it."""
        found = identify(self.process.pid)
        assert found
        return f"process {found.pid} {found.started}"

    def end(self) -> None:
        """Kill it, and leave a zombie until the test has ended."""
        self.process.kill()


@pytest.fixture
def program() -> Iterator[Program]:
    started = Program()
    yield started
    started.end()
    started.process.wait()


@pytest.fixture
def pacemaker(tmp_path: Path) -> Pacemaker:
    return Pacemaker(tmp_path / "pacemaker")


@pytest.fixture
def watcher(tmp_path: Path, pacemaker: Pacemaker) -> Watcher:
    return Watcher(tmp_path / "run", pacemaker)


@pytest.fixture
def running(watcher: Watcher) -> Iterator[Watcher]:
    with watcher.running():
        yield watcher


def test_a_process_that_ends_is_told(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """Pacemaker is told which resource failed where, and the reason is kept; all that once."""
    path = running.register("shop-app", program.watch)
    began = time.time()
    program.end()
    [told] = pacemaker.wait_until_told("shop-app")
    assert told.arguments == "--fail --resource=shop-app --node=node1"
    assert eventually(lambda: len(pacemaker.calls("attrd_updater")) == 1, LIMIT)
    [kept] = pacemaker.calls("attrd_updater")
    name, value, private = kept.arguments.split(" --")
    assert name == "--name=takeover-failure-shop-app"
    when, _, reason = value.removeprefix("update=").partition(" ")
    assert int(began) <= int(when) <= time.time()
    assert reason == f"sleep ({program.process.pid}) has ended"
    assert private == "private"
    assert not path.exists()
    running.wake()
    time.sleep(SOON)
    assert len(pacemaker.calls()) == 1
    assert "told Pacemaker that shop-app has failed: sleep (" in running.log.read_text()


def test_a_failure_before_the_registration_is_told(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """What died between its start and its registration has no event left."""
    watch = program.watch
    program.end()
    running.register("shop-app", watch)
    pacemaker.wait_until_told("shop-app")


def test_another_process_with_the_same_number_is_not_the_same(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """A number that was given to another process since counts as ended."""
    running.register("shop-app", f"process {program.process.pid} 1")
    pacemaker.wait_until_told("shop-app")


def test_what_was_withdrawn_is_not_told(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """A stop removes the registration before it ends anything."""
    running.register("shop-app", program.watch)
    running.withdraw("shop-app")
    program.end()
    time.sleep(SOON)
    assert pacemaker.calls() == []


def test_a_new_start_is_told_of_again(running: Watcher, pacemaker: Pacemaker) -> None:
    """Each start writes a registration of its own, and each is good for one failure."""
    for times in (1, 2, 3):
        program = Program()
        running.register("shop-app", program.watch)
        program.end()
        pacemaker.wait_until_told("shop-app", times)
        program.process.wait()
    time.sleep(SOON)
    assert len(pacemaker.calls()) == 3


NO_DISK = "device 4095:1"


def test_a_program_that_ends_without_its_disk_is_not_told_while_it_is_stopped(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """The disk's failure is; Pacemaker stops the program for it, which is no second failure."""
    running.register("shop-app", program.watch)
    running.register("shop-filesystem", NO_DISK)
    pacemaker.wait_until_told("shop-filesystem")
    program.end()
    time.sleep(SOON)
    running.withdraw("shop-app")
    time.sleep(SOON)
    assert pacemaker.told("shop-app") == []


def test_a_program_that_ends_after_a_disk_and_is_not_stopped_is_told(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """It had nothing to do with the disk."""
    running.register("other-app", program.watch)
    running.register("shop-filesystem", NO_DISK)
    pacemaker.wait_until_told("shop-filesystem")
    program.end()
    pacemaker.wait_until_told("other-app")


def test_an_old_process_is_nothing_to_a_new_start(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """When a registration is replaced, only what the new one names counts, read or not."""
    old = Program()
    running.register("shop-app", old.watch)
    registration.write(running.environ, "shop-app", "node1", [program.watch])
    old.end()
    time.sleep(SOON)
    running.wake()
    time.sleep(SOON)
    assert pacemaker.calls() == []
    program.end()
    pacemaker.wait_until_told("shop-app")
    old.process.wait()


def test_registrations_are_read_at_its_start(
    watcher: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """A watcher that was killed has missed nothing when the next one has started."""
    with watcher.running() as first:
        watcher.register("shop-app", program.watch)
        first.kill()
        first.wait()
    program.end()
    assert pacemaker.calls() == []
    with watcher.running():
        pacemaker.wait_until_told("shop-app")


def test_only_one_runs(watcher: Watcher, running: Watcher) -> None:
    """A second watcher of the same folder ends at once, and the first keeps its socket."""
    assert subprocess.run(running.command, check=False, timeout=LIMIT).returncode == 0
    watcher.wake()


def test_it_ends_when_it_cannot_be_reached_any_more(watcher: Watcher) -> None:
    """When somebody has cleared the folder, the next watcher must not be kept from its place."""
    with watcher.running() as process:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            door = watcher.folder / registration.SOCKET
            connection.connect(str(door))
            door.unlink()
            connection.send(b"!")
        assert process.wait(LIMIT) == 0


def test_garbage_is_removed(running: Watcher, pacemaker: Pacemaker, program: Program) -> None:
    """What is no registration harms nobody; what can be removed is."""
    (running.folder / "empty.watch").touch()
    (running.folder / "noise.watch").write_bytes(os.urandom(100_000))
    (running.folder / "half.new").write_text("resource=half\n")
    (running.folder / "folder.watch").mkdir()
    (running.folder / "link.watch").symlink_to("/etc/passwd")
    os.mkfifo(running.folder / "pipe.watch")
    running.register("shop-app", program.watch)
    program.end()
    pacemaker.wait_until_told("shop-app")
    left = {path.name for path in running.folder.iterdir()}
    assert left == {"lock", "socket", "half.new", "folder.watch"}
    assert f"{running.folder}/noise.watch is no registration" in running.log.read_text()


@pytest.mark.parametrize(
    "watch",
    ["", "dance", "process", "process 1", "process one two", "process 1 2 3", "address x 1",
     "link -", "mount 8:0 rx /mnt", "mount", "device", "device a:b", "process -1 1"],
)  # fmt: skip
def test_what_cannot_be_watched_is_left_out(
    watch: str, running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """A kind that it does not know, or values that are none, are no failure of the resource."""
    running.register("shop-app", watch, program.watch)
    time.sleep(SOON)
    assert pacemaker.calls() == []
    assert f"cannot watch {watch!r}" in running.log.read_text()
    program.end()
    pacemaker.wait_until_told("shop-app")


def test_what_runs_in_another_namespace_is_not_judged(
    running: Watcher, pacemaker: Pacemaker
) -> None:
    """Its addresses, mounts and process numbers are others than those that the watcher sees."""
    path = running.register("shop-app")
    text = path.read_text().replace("net:[", "net:[1")
    path.write_text(f"{text}watch=process 4194303 1\n")
    running.wake()
    time.sleep(SOON)
    assert pacemaker.calls() == []
    assert "other namespaces" in running.log.read_text()


MAINTENANCE = (
    '<cib><configuration><crm_config><cluster_property_set id="a">'
    '<nvpair id="b" name="maintenance-mode" value="{}"/>'
    "</cluster_property_set></crm_config></configuration></cib>"
)


def test_in_maintenance_nothing_is_told(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """What an administrator ends by hand is logged; the registration stays."""
    pacemaker.cib.write_text(MAINTENANCE.format("true"))
    path = running.register("shop-app", program.watch)
    program.end()
    assert eventually(lambda: "not told" in running.log.read_text(), LIMIT)
    running.wake()
    time.sleep(SOON)
    assert pacemaker.calls() == []
    assert running.log.read_text().count("not told, as shop-app is not managed: sleep (") == 1
    assert path.exists()


def test_after_maintenance_all_is_told_again(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """A start after it is watched as any other."""
    pacemaker.cib.write_text(MAINTENANCE.format("true"))
    running.register("shop-app", program.watch)
    program.end()
    assert eventually(lambda: "not told" in running.log.read_text(), LIMIT)
    pacemaker.cib.write_text(MAINTENANCE.format("false"))
    again = Program()
    running.register("shop-app", again.watch)
    again.end()
    pacemaker.wait_until_told("shop-app")
    again.process.wait()


def test_a_pacemaker_that_does_not_listen_is_logged(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """It may just be stopping; the monitor finds the failure if it is still one."""
    pacemaker.answer("crm_resource", code=102, says="Could not connect to controller")
    running.register("shop-app", program.watch)
    program.end()
    assert eventually(lambda: "could not be told" in running.log.read_text(), LIMIT)
    assert (
        "Could not connect to controller (crm_resource failed with 102" in running.log.read_text()
    )
    assert pacemaker.calls("attrd_updater") == []
    other = Program()
    pacemaker.answer("crm_resource")
    running.register("other", other.watch)
    other.end()
    pacemaker.wait_until_told("other")
    other.process.wait()


def test_one_failure_does_not_wait_for_another(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """Pacemaker is told of both at once, however long the first takes."""
    slow = pacemaker.programs / "crm_resource"
    slow.write_text(slow.read_text().replace("exit 0", "sleep 5"))
    other = Program()
    running.register("one", program.watch)
    running.register("other", other.watch)
    program.end()
    other.end()
    [one] = pacemaker.wait_until_told("one")
    [two] = pacemaker.wait_until_told("other")
    assert abs(one.at - two.at) < 4
    other.process.wait()


def test_a_thousand_wakes_and_registrations_are_fine(
    running: Watcher, pacemaker: Pacemaker, program: Program
) -> None:
    """However many come, none is lost, and none of those that are withdrawn is told."""
    others = [Program() for _ in range(20)]
    for number in range(1000):
        name = f"other-{number % 20}"
        running.withdraw(name)
        registration.write(running.environ, name, "node1", [others[number % 20].watch])
        running.wake()
    for number in range(20):
        running.withdraw(f"other-{number}")
    for other in others:
        other.end()
    running.register("shop-app", program.watch)
    program.end()
    pacemaker.wait_until_told("shop-app")
    assert {call.arguments for call in pacemaker.calls()} == {
        "--fail --resource=shop-app --node=node1"
    }
    for other in others:
        other.process.wait()


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_folder_that_others_may_write_to_is_refused(watcher: Watcher, mode: int) -> None:
    """Else they could have any resource failed."""
    watcher.folder.chmod(mode)
    done = subprocess.run(watcher.command, capture_output=True, check=False, timeout=LIMIT)
    assert done.returncode == 0
    assert b"others may write to" in done.stderr


def test_it_is_small_and_idle(running: Watcher, pacemaker: Pacemaker, program: Program) -> None:
    """Ten services with all that can be watched take a quarter of 40 MiB, and hardly any time."""
    root = mountinfo.at(mountinfo.mounts(), "/")[-1]
    access = "ro" if root.options & {"ro"} else "rw"
    mount = f"mount {root.disk} {access} /"
    for number in range(10):
        running.register(f"service-{number}", program.watch, "address 127.0.0.1 1", "link 1", mount)
    running.register("last", "process 4194303 1")
    pacemaker.wait_until_told("last")
    assert [call.arguments for call in pacemaker.calls()] == ["--fail --resource=last --node=node1"]
    # Other tests mount and unmount, and each of their events is looked at: it is idle in between.
    used = min(_used_while_idle(running.process) for _ in range(5))
    memory = Path(f"/proc/{running.process.pid}/smaps_rollup").read_text()
    kilobytes = int(memory.partition("\nPss:")[2].split()[0])
    print(f"{kilobytes} kB, {used / IDLE:.2%} of a processor")
    assert kilobytes < 10 * 1024
    assert used / IDLE < 0.01


def _used_while_idle(process: subprocess.Popen[bytes]) -> float:
    """Return the processor time that a process uses while it has nothing to do."""
    before = _seconds(process)
    time.sleep(IDLE)
    return _seconds(process) - before


def _seconds(process: subprocess.Popen[bytes]) -> float:
    """Return the processor time that a process has used."""
    nanoseconds, *_ = Path(f"/proc/{process.pid}/schedstat").read_text().split()
    return int(nanoseconds) / 1e9
