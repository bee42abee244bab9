"""The rig of virtual machines, seen from outside: what `vagrant.rig` promises, and more."""

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vagrant.common.booting import BOOTED
from vagrant.common.debian import PYTHON_OF
from vagrant.common.errors import RigError
from vagrant.common.names import checked_name
from vagrant.common.networks import CLUSTER_LINKS, Link
from vagrant.common.waiting import eventually
from vagrant.common.wheel import wheel_of_checkout
from vagrant.lab import libvirt, observer
from vagrant.lab.machines import Machines
from vagrant.lab.place import (
    CHAP_SECRET_FILE,
    CHAP_USER,
    LABS,
    MAX_LUNS,
    MAX_NODES,
    LabLayout,
    Place,
)
from vagrant.lab.shell import Shell, write_config
from vagrant.lab.vagrant import Vagrant
from vagrant.rig import Equipment

#: How long each step may take on an emulated processor that is busy, in seconds.
_BOOT_LIMIT = 900.0
_RUN_LIMIT = 900.0

_LOCK = Path("/run/takeover-lab.lock")

#: Emulated processors are 10 to 20 times slower than real ones.
_PATIENCE = 6.0


class LabRig:
    """One lab, by name; it need not exist yet.

    Args:
        name: Letters, digits and hyphens, at most 20.
    """

    def __init__(self, name: str) -> None:
        self.name = checked_name(name)
        self.place = Place(name)
        self._parts: tuple[Machines, Shell] | None = None

    @property
    def layout(self) -> LabLayout:
        """The shape of the running lab.

        Raises:
            RigError: There is no lab of this name.
        """
        layout = self.place.load()
        if layout is None:
            raise RigError(f"there is no lab {self.name}; `script/vagrant-lab up` starts one")
        return layout

    @property
    def equipment(self) -> Equipment:
        """SBD on a disk of its own, the kernel's initiator with CHAP, reservations."""
        device = self.layout.sbd_device
        return Equipment(
            token_time="10s",  # noqa: S106 - a time
            fencing=(
                f'[sbd]\ndevices = ["{device}"]\nwatchdog_timeout = "15s"\n\n'
                f'[fencing.sbd]\nagent = "fence_sbd"\ntimeout = "180s"\n'
                f'parameters = {{ devices = "{device}" }}\n'
            ),
            disk=(
                f'chap_user = "{CHAP_USER}"\nchap_secret_file = "{CHAP_SECRET_FILE}"\n'
                'reservation = true\ntimeout = "180s"\nmonitor = "20s"\nmonitor_timeout = "60s"'
            ),
            patience=_PATIENCE,
        )

    @property
    def machines(self) -> Machines:
        """The machines' power, cables and processors."""
        return self._connected()[0]

    @property
    def shell(self) -> Shell:
        """Commands in any machine, the storage server too."""
        return self._connected()[1]

    def _connected(self) -> tuple[Machines, Shell]:
        if self._parts is None:
            private = self.layout.private
            self._parts = Machines(self.place, private=private), Shell(self.place, private=private)
        return self._parts

    # -- up and down ----------------------------------------------------------------------------

    def up(
        self,
        *,
        nodes: int = 3,
        luns: int = 1,
        lun_mib: int = 1024,
        release: str = "bookworm",
        purpose: str = "lab",
        say: Callable[[str], None],
    ) -> None:
        """Bring the lab up and wait until every machine is provisioned; see `vagrant.rig.Rig.up`.

        Args:
            nodes: 2 to 8.
            luns: Number of data LUNs, 1 to 8.
            lun_mib: Size of each in MiB.
            release: Debian release that the machines run.
            purpose: Kept in the layout, see `replaceable`.
            say: Called with each step that takes a while.

        Raises:
            RigError: A value is out of range, the lab is up already, or it did not come up; then
                nothing of it is left.
            TreeError: Box or wheel could not be built.
        """
        # The Vagrantfile's own smallest disk.
        if not (2 <= nodes <= MAX_NODES and 1 <= luns <= MAX_LUNS and lun_mib >= 64):  # noqa: PLR2004
            raise RigError(
                f"a lab has 2 to {MAX_NODES} nodes, and 1 to {MAX_LUNS} LUNs of at least 64 MiB"
            )
        if release not in PYTHON_OF:
            raise RigError(f"{release} is none of {', '.join(PYTHON_OF)}")
        private = not libvirt.is_running()
        with self._lock():
            if self.place.folder.exists() or self.place.cgroup.exists():
                raise RigError(f"a lab {self.name} is there: `script/vagrant-lab down` removes it")
            self.place.folder.mkdir(mode=0o700)
            layout = LabLayout(
                name=self.name,
                purpose=purpose,
                nodes=nodes,
                luns=luns,
                lun_mib=lun_mib,
                release=release,
                private=private,
            )
            self.place.save(layout)
        try:
            # Copied: the cache's may be gone when the machines come to install it.
            wheel = Path(shutil.copy(wheel_of_checkout(), self.place.folder))
            vagrant = Vagrant(self.place, layout, wheel)
            vagrant.prepare(say)
            if private:
                say("starting libvirtd in namespaces of its own")
                libvirt.start(self.place)
            vagrant.up(say)
            layout = vagrant.with_addresses()
            self.place.save(layout)
            write_config(self.place, layout)
            observer.start(self.place, layout)
            self._await_boot(layout)
        except BaseException:
            with suppress(RigError):
                self.down()
            raise

    def down(self) -> None:
        """Remove the lab and everything that remains of it; nothing happens if there is nothing.

        Raises:
            RigError: Something could not be removed.
        """
        with self._lock():
            layout = self.place.load()
            if layout is not None and not layout.private:
                observer.stop(self.place)
                for machine in layout.machines:
                    self.shell.forget(machine)
                Vagrant(self.place, layout, None).destroy()
            libvirt.stop(self.place)
            shutil.rmtree(self.place.folder, ignore_errors=True)
            with suppress(OSError):
                LABS.rmdir()  # another lab may be there
            self._parts = None

    def replaceable(self, purpose: str) -> bool:
        """Return whether nothing but a rig of this purpose, or remains of one, is in the way."""
        layout = self.place.load()
        return layout is None or layout.purpose == purpose

    def is_up(self) -> bool:
        """Return whether there is a lab whose libvirtd answers."""
        try:
            return bool(self.layout.addresses) and self.machines.answers()
        except (RigError, OSError):
            return False

    def _await_boot(self, layout: LabLayout) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.wait_for_boot, layout.node_names))

    def wait_for_boot(self, node: str, limit: float = _BOOT_LIMIT) -> None:
        """Wait until a node that is powered on has booted.

        Args:
            node: The node's name.
            limit: Seconds.

        Raises:
            RigError: The machine has not booted when the time is over.
        """

        def booted() -> bool:
            try:
                return self.run(node, "systemctl", "is-system-running").stdout.strip() in BOOTED
            except (RigError, subprocess.TimeoutExpired):
                return False

        if not eventually(booted, limit, pause=1.0):
            raise RigError(f"{node} did not boot in {limit:.0f} s")

    # -- commands on nodes ----------------------------------------------------------------------

    def command(self, node: str, *command: str) -> list[str]:
        """Return the command line that runs `command` on a machine as root, from here."""
        if node not in self.layout.machines:
            raise RigError(f"the lab has no machine {node}: {', '.join(self.layout.machines)}")
        if (power := self.machines.power(node)) != "on":
            raise RigError(f"{node} is {'powered off' if power == 'off' else power}")
        return self.shell.command(node, *command)

    def run(
        self,
        node: str,
        *command: str,
        check: bool = False,
        text: str = "",
        limit: float = _RUN_LIMIT,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a machine and wait for it; see `vagrant.rig.Rig.run`."""
        if node not in self.layout.machines:
            raise RigError(f"the lab has no machine {node}: {', '.join(self.layout.machines)}")
        result = self.shell.run(node, *command, text=text, limit=limit)
        if check and result.returncode:
            output = (result.stdout + result.stderr).strip()
            raise RigError(f"{node}: {' '.join(command)}: exit code {result.returncode}\n{output}")
        return result

    def write(self, node: str, path: str, content: str) -> None:
        """Write a file on a node, readable by its root alone.

        Raises:
            RigError: The file could not be written.
        """
        self.run(node, "install", "--mode=0600", "/dev/stdin", path, check=True, text=content)

    def client_command(self, *command: str) -> list[str]:
        """Return the command line that runs a program of the machine in the client's network."""
        return [*self.place.enter(private=self.layout.private), *command]

    # -- breaking and mending -------------------------------------------------------------------

    def power(self, node: str, state: str) -> None:
        """Switch a machine's power: on, off or reset; not asking it."""
        self._known(node)
        match state:
            case "on":
                self.machines.switch_on(node)
                return
            case "off":
                self.machines.switch_off(node)
            case _:
                self.machines.reset(node)
        self.shell.forget(node)

    def cut(self, node: str, links: Sequence[Link] = CLUSTER_LINKS) -> None:
        """Pull a node's network cables, by default all but storage's."""
        self._known(node)
        self.machines.connect(node, links, up=False)

    def heal(self, node: str) -> None:
        """Plug all of a node's network cables in."""
        self._known(node)
        self.machines.connect(node, list(Link), up=True)

    def set_fencing(self, node: str, *, works: bool) -> None:
        """Refuse: SBD is in the node itself, and has no switch that others could hold.

        Raises:
            RigError: Always, unless it is to work, as it does.
        """
        if not works:
            raise RigError(f"{node} is fenced by SBD, which cannot be made to refuse")

    # -- a state to come back to ---------------------------------------------------------------

    def save(self, snapshot: str) -> None:
        """Keep the state of all machines, disks and memory, as of one moment.

        Args:
            snapshot: Its name; one of that name is replaced.

        Raises:
            RigError: Not every machine is on, or libvirt refuses.
        """
        machines = self.layout.machines
        for machine in machines:
            if (power := self.machines.power(machine)) != "on":
                raise RigError(f"{machine} is {power}: a snapshot is of machines that are on")
        # All stand still before the first is saved: what one has been told, another has said.
        self._all(machines, self.machines.freeze)
        try:
            self._all(machines, lambda machine: self.machines.save(machine, snapshot))
        finally:
            self._all(machines, self.machines.thaw)

    def restore(self, snapshot: str) -> None:
        """Put all machines back to a snapshot; they go on from there, and their clocks, too.

        Args:
            snapshot: The name that `save` was given.

        Raises:
            RigError: There is no such snapshot.
        """
        machines = self.layout.machines
        self._all(machines, lambda machine: self.machines.restore(machine, snapshot))
        for machine in machines:
            self.shell.forget(machine)  # the machine knows nothing of this connection
        self._all(machines, self.machines.thaw)
        for node in self.layout.node_names:
            self.heal(node)
            self.wait_for_boot(node)

    @staticmethod
    def _all(machines: Sequence[str], do: Callable[[str], None]) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(do, machines))

    def status(self) -> dict[str, Any]:
        """Return what is on, what is cut, what is mounted where: see `vagrant.rig.Rig.status`."""
        layout = self.layout
        return {
            "state": "up" if self.is_up() else "starting",
            "nodes": {
                node: {
                    "power": self.machines.power(node),
                    "cut": self.machines.cut_links(node),
                    "fencing": "works",
                    "addresses": [layout.node_address(node, link) for link in CLUSTER_LINKS],
                }
                for node in layout.node_names
            },
            "disks": observer.report(self.place),
        }

    def _known(self, machine: str) -> None:
        if machine not in self.layout.machines:
            raise RigError(f"the lab has no machine {machine}: {', '.join(self.layout.machines)}")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time change labs."""
        with _LOCK.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            LABS.mkdir(mode=0o755, parents=True, exist_ok=True)
            yield
