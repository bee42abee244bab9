"""A host of the rig, with a power switch: a node, or the storage server."""

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vagrant.common.kernel import add_loop_device, detach_loop_device, remove_cgroup
from vagrant.common.networks import Link
from vagrant.common.waiting import eventually
from vagrant.one_machine.boot import REBOOTED, Boot
from vagrant.one_machine.network import Network

#: How long the kernel may take to end everything in a namespace, in seconds.
_KILL_LIMIT = 30.0
#: What a machine's firmware takes before the system boots, in seconds. A node that is back before
#: the others have heard that it was fenced takes that for itself, and ends its Pacemaker.
_FIRMWARE = 2.0


@dataclass(kw_only=True)
class Host:
    """One host. Its disk and its network cables survive a power cycle, nothing else does.

    Args:
        name: Host name, network namespace and cgroup.
        number: Host number in every link.
        links: The links it is connected to.
        init: What runs as PID 1, with its arguments.
        network: Where it is plugged in.
        cgroup: Its cgroup folder.
        lower: The layers of its root file system, topmost first.
        disk: The folder that keeps what it writes.
        loops: Loop device numbers that it may use.
        sockets: The controller's sockets that it sees.
    """

    name: str
    number: int
    links: tuple[Link, ...]
    init: list[str]
    network: Network
    cgroup: Path
    lower: list[Path]
    disk: Path
    loops: list[int] = field(default_factory=list)
    sockets: dict[str, str] = field(default_factory=dict)

    #: PID of the host's PID 1 as the controller sees it; None while the host is off.
    pid: int | None = field(default=None, init=False)
    _process: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)
    #: What boots the host after a reset, until it does.
    _firmware: threading.Timer | None = field(default=None, init=False, repr=False)

    def power_on(self) -> None:
        """Boot the host; nothing happens when it is on."""
        with self._lock:
            self._cancel_firmware()
            if self._process:
                return
            for number in self.loops:
                add_loop_device(number)
            self.cgroup.mkdir(exist_ok=True)
            boot = Boot(
                hostname=self.name,
                init=self.init,
                netns=str(self.network.plug(self.name, self.number, self.links)),
                cgroup=str(self.cgroup),
                lower=[str(layer) for layer in self.lower],
                disk=str(self.disk),
                loops=self.loops,
                sockets=self.sockets,
            )
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vagrant.one_machine.boot", boot.argument()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self._process.stdout  # noqa: S101 - asked for above
            line = self._process.stdout.readline()
            if not line:
                self.power_off()
                raise RuntimeError(f"{self.name} did not boot; the controller's log says why")
            self.pid = int(line)
            threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def power_off(self) -> None:
        """Pull the plug: network first, then every process; returns when nothing of it is left.

        Raises:
            TimeoutError: Something of the host is still there. It must not be taken for off.
        """
        with self._lock:
            self._cancel_firmware()
            # Unplugged first: what a dying process or the unmounting kernel writes goes nowhere.
            self.network.unplug(self.name)
            if self._process:
                (self.cgroup / "cgroup.kill").write_text("1")
                try:
                    self._process.wait(_KILL_LIMIT)
                except subprocess.TimeoutExpired:
                    raise TimeoutError(f"{self.name}: processes are still there") from None
            self.pid = self._process = None
            # The kernel kills what is spawned from a cgroup that was once killed into a new one
            # (cgroup.kill with clone3's CLONE_INTO_CGROUP, which systemd 257 uses): start afresh.
            _wait(partial(remove_cgroup, self.cgroup), f"{self.name}: its cgroup is in use")
            # The file systems on them were unmounted with the host's mount namespace.
            for number in self.loops:
                gone = partial(detach_loop_device, number)
                _wait(gone, f"{self.name}: /dev/loop{number} is in use")

    def reset(self) -> None:
        """Power off, and on as soon as a machine's firmware would boot."""
        with self._lock:
            self.power_off()
            self._firmware = threading.Timer(_FIRMWARE, self._boot)
            self._firmware.daemon = True
            self._firmware.start()

    def _boot(self) -> None:
        with self._lock:
            if self._firmware is threading.current_thread():  # nobody has pressed the switch since
                self.power_on()

    def _cancel_firmware(self) -> None:
        if self._firmware:
            self._firmware.cancel()
            self._firmware = None

    def _watch(self, process: subprocess.Popen[str]) -> None:
        """Notice that the host powered itself off, or rebooted."""
        code = process.wait()
        with self._lock:
            if self._process is process:
                self.power_off()
                if code == REBOOTED:
                    self.power_on()


def _wait(condition: Callable[[], bool], failure: str) -> None:
    if not eventually(condition, _KILL_LIMIT):
        raise TimeoutError(failure)
