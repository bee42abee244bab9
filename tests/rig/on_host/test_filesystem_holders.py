"""Processes that keep a filesystem busy in ways that defeat umount."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocf_agents.program.containment import cgroup_root
from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.process import identify
from tests.rig.on_host.conftest import Node
from tests.rig.on_host.disks import held, image, loop, program_of_the_cluster
from vagrant.common.waiting import eventually

#: On a busy machine it takes some seconds to look at every process.
LIMIT = {"OCF_RESKEY_CRM_meta_timeout": "10000"}


@contextlib.contextmanager
def process(node: Node, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of the node, in a group of its own, which ends with the block."""
    running = subprocess.Popen(
        [*node.enter, "setsid", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.3)
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@pytest.fixture
def mounted(node: Node, tmp_path: Path) -> Iterator[dict[str, str]]:
    with loop(image(tmp_path / "disk.img")) as device:
        given = {"device": device, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
        assert node.act("filesystem", "start", **given) == (0, "")
        yield given
        node.act("filesystem", "stop", **given)


def test_processes_that_respawn_do_not_defeat_the_stop(node: Node, mounted: dict[str, str]) -> None:
    """Started again at once by what is no holder itself (resource-agents#2106): it is unmounted."""
    folder = mounted["directory"]
    script = f"trap '' TERM; while :; do (trap '' TERM; cd {folder} && exec sleep 600); done"
    with process(node, "sh", "-c", script) as parent, process(node, "sh", "-c", script):
        assert eventually(lambda: held(folder), 10)
        code, said = node.act("filesystem", "stop", LIMIT, **mounted)
        assert code == Code.SUCCESS
        assert "SIGKILL to sleep" in said
        assert folder not in node.run("cat", "/proc/mounts").stdout
        assert parent.poll() is None  # no holder: not ended


def test_the_cluster_survives_a_stop(node: Node, mounted: dict[str, str], tmp_path: Path) -> None:
    """Pcsd with its working folder there is not signalled (pcs#197): the stop fails and says so."""
    folder = mounted["directory"]
    program = program_of_the_cluster(node, tmp_path / "systemd")
    with process(node, program, "-c", f"cd {folder}; read forever") as pcsd:
        assert eventually(lambda: held(folder), 10)
        code, said = node.act("filesystem", "stop", LIMIT, **mounted)
        assert code == Code.ERR_GENERIC
        assert f"cannot unmount {folder}, held by pcsd ({pcsd.pid})" in said
        assert "SIG" not in said
        assert pcsd.poll() is None


def test_a_copy_of_the_clusters_is_unmounted_there(node: Node, mounted: dict[str, str]) -> None:
    """A service with a /tmp of its own has one, where mounts are not shared, as in containers.

    It is corosync-qdevice, say, that was started while the filesystem was mounted: it uses nothing
    of it, and must not be ended. With a file open there the stop fails and says so.
    """
    folder = mounted["directory"]
    group = Path(f"{cgroup_root()}/takeovertest.slice/corosync-qdevice.service")
    group.mkdir(parents=True)
    apart = ("unshare", "--mount", "--propagation=private", "sh", "-c")
    try:
        for script, stops in ((f"exec sleep 600 <{folder}", False), ("exec sleep 600", True)):
            with process(node, *apart, script) as daemon:
                (group / "cgroup.procs").write_text(str(daemon.pid))
                assert eventually(lambda: folder in _mounts_of(daemon.pid), 10)
                assert eventually(lambda: _name_of(daemon.pid) == "sleep", 10)
                code, said = node.act("filesystem", "stop", LIMIT, **mounted)
                assert "SIG" not in said
                assert daemon.poll() is None
                assert (folder in _mounts_of(daemon.pid)) is not stops
                if stops:
                    assert code == Code.SUCCESS, said
                else:
                    assert code == Code.ERR_GENERIC
                    assert f"held by sleep ({daemon.pid})" in said
            if not stops:
                assert node.act("filesystem", "start", **mounted)[0] == Code.SUCCESS
    finally:
        for path in (group, group.parent):
            path.rmdir()


def test_a_copy_that_no_table_shows_goes_with_the_mount(
    node: Node, mounted: dict[str, str], tmp_path: Path
) -> None:
    """Systemd 252 moves a service's root over the old one, which keeps all mounts below it.

    Where mounts are not shared, as in containers, nothing could unmount it there any more.
    """
    folder, root = mounted["directory"], tmp_path / "unit-root"
    root.mkdir()
    # As systemd.exec(5) does it for PrivateTmp.
    moves = (
        f"mount --rbind / {root} && cd {root} && mount --move {root} / && exec chroot . sleep 600"
    )
    apart = ("unshare", "--mount", "--propagation=slave", "sh", "-c", moves)
    with process(node, *apart) as daemon:
        assert eventually(lambda: _name_of(daemon.pid) == "sleep", 10)
        assert folder in _mounts_of(daemon.pid)
        code, said = node.act("filesystem", "stop", LIMIT, **mounted)
        assert (code, said) == (Code.SUCCESS, "")
        assert daemon.poll() is None
        assert folder not in _mounts_of(daemon.pid)


def _mounts_of(pid: int) -> str:
    return Path(f"/proc/{pid}/mounts").read_text()


def _name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_holders_can_be_spared(node: Node, mounted: dict[str, str]) -> None:
    """With force_unmount=false nothing is ended; with the stock agent's other words it is."""
    folder = mounted["directory"]
    with process(node, "sh", "-c", f"cd {folder}; exec sleep 600") as holder:
        code, said = node.act("filesystem", "stop", LIMIT, **mounted, force_unmount="no")
        assert code == Code.ERR_GENERIC
        assert f"held by sleep ({holder.pid})" in said
        assert holder.poll() is None
        code, said = node.act("filesystem", "stop", LIMIT, **mounted, force_unmount="safe")
        assert (code, holder.wait(5)) == (Code.SUCCESS, -15)


def test_a_fast_stop_fails_fast(node: Node, mounted: dict[str, str]) -> None:
    """fast_stop=true gives up after 6 seconds although the cluster allows more."""
    began = time.monotonic()
    with process(node, "sh", "-c", f"cd {mounted['directory']}; exec sleep 600"):
        spared = {"force_unmount": "false", "fast_stop": "yes"}
        assert node.act("filesystem", "stop", **mounted, **spared)[0] == Code.ERR_GENERIC
    assert 5 < time.monotonic() - began < 12


@pytest.mark.parametrize("how", ["root", "exe", "map"])
def test_every_kind_of_holder_is_found(node: Node, mounted: dict[str, str], how: str) -> None:
    """The root folder, the program itself, and a mapped file keep a filesystem busy, too."""
    folder = mounted["directory"]
    node.run("cp", "/bin/sleep", f"{folder}/program")
    if how == "root":
        for part in ("lib", "lib64", "usr", "bin"):
            node.run("mkdir", f"{folder}/{part}")
        command = ["python3", "-c", f"import os, time; os.chroot('{folder}'); time.sleep(600)"]
    elif how == "exe":
        command = [f"{folder}/program", "600"]
    else:
        code = (
            "import mmap, sys, time; file = open(sys.argv[1], 'rb'); "
            "kept = mmap.mmap(file.fileno(), 0, access=1); file.close(); time.sleep(600)"
        )
        command = [sys.executable, "-IS", "-c", code, f"{folder}/program"]

    def holds(process: Path) -> bool:
        if how == "map":
            return f"{folder}/program" in (process / "maps").read_text()
        return str((process / how).readlink()).startswith(folder)

    with process(node, *command) as holder, process(node, "sleep", "600") as bystander:
        assert eventually(lambda: holds(Path(f"/proc/{holder.pid}")), 10)
        assert node.act("filesystem", "stop", **mounted)[0] == Code.SUCCESS
        assert holder.wait(5) == -15
        assert bystander.poll() is None


def test_a_fsck_that_a_killed_start_left_is_ended(
    node: Node, mounted: dict[str, str], tmp_path: Path
) -> None:
    """It would go on to repair the disk while the next node has it mounted."""
    assert node.act("filesystem", "stop", **mounted)[0] == Code.SUCCESS
    tools, number = tmp_path / "tools", tmp_path / "number"
    tools.mkdir()
    # As fsck(8) does: the work is another process's, which outlives it.
    script = f"#!/bin/sh\nsh -c 'sleep 600; :' x $* & echo $! > {number}; wait\n"
    (tools / "fsck").write_text(script)
    (tools / "fsck").chmod(0o755)
    node.run("mount", "--bind", str(tools), "/usr/local/sbin")
    start = subprocess.Popen(
        [*node.enter, str(node.agent("filesystem")), "start"],
        env={
            "PATH": os.environ["PATH"],
            "OCF_RESOURCE_INSTANCE": f"host-test-{os.getpid()}",
            "HA_RSCTMP": str(node.state),
            "OCF_RESKEY_run_fsck": "force",
            **{f"OCF_RESKEY_{name}": value for name, value in mounted.items()},
        },
        stderr=subprocess.DEVNULL,
    )
    assert eventually(lambda: number.exists() and number.read_text() != "", 10)
    start.kill()
    start.wait()
    pid = int(number.read_text())
    assert identify(pid)
    code, said = node.act("filesystem", "stop", **mounted)
    assert code == Code.SUCCESS
    assert f"SIGKILL to sh ({pid})" in said
    assert eventually(lambda: not identify(pid), 5)


def test_ten_stops_at_once_are_not_slow(node: Node, tmp_path: Path) -> None:
    """Nobody looks for holders where there are none (resource-agents#1917: 2.6 s became 25.8 s)."""
    with contextlib.ExitStack() as stack:
        given = []
        for number in range(10):
            device = stack.enter_context(loop(image(tmp_path / f"disk{number}.img", size=8)))
            given.append({"device": device, "directory": f"{tmp_path}/mnt{number}"})
            node.forget()  # all of them have the same name here
            assert node.act("filesystem", "start", **given[-1], fstype="ext4") == (0, "")
        node.forget()
        began = time.monotonic()
        with ThreadPoolExecutor(10) as pool:
            codes = list(pool.map(lambda one: node.act("filesystem", "stop", **one)[0], given))
        assert codes == [Code.SUCCESS] * 10
        assert time.monotonic() - began < 5
