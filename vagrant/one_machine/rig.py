"""A rig from outside: bring it up and down, run commands on its nodes, break things."""

import fcntl
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from vagrant.common.booting import BOOTED
from vagrant.common.disks import ATTACH_PROGRAM
from vagrant.common.errors import RigError
from vagrant.common.kernel import cgroup2_root, remove_cgroup, remove_loop_device
from vagrant.common.names import checked_name
from vagrant.common.networks import CLUSTER_LINKS, Link
from vagrant.common.waiting import eventually
from vagrant.common.wheel import wheel_of_checkout
from vagrant.one_machine.layout import (
    MAX_LUNS,
    MAX_NODES,
    RUN_DIR,
    WITNESS,
    Layout,
    free_loop_base,
)
from vagrant.one_machine.tree import tree_for
from vagrant.rig import Equipment

#: How long each step may take on a busy machine, in seconds.
_UP_LIMIT = 120.0
_BOOT_LIMIT = 180.0
_DOWN_LIMIT = 60.0


class OneMachineRig:
    """One rig, by name; it need not exist yet.

    Args:
        name: Letters, digits and hyphens, at most 20.
    """

    def __init__(self, name: str) -> None:
        self.name = checked_name(name)

    @property
    def layout(self) -> Layout:
        """The shape of the running rig.

        Raises:
            RigError: The rig is not up.
        """
        layout = Layout.load(self.name)
        if layout is None:
            raise RigError(
                f"rig {self.name} is not up; `script/rig --name {self.name} up` starts it"
            )
        return layout

    @property
    def equipment(self) -> Equipment:
        """The rig's own power switch, and its initiator that needs no kernel module."""
        return Equipment(
            token_time="1000ms",  # noqa: S106 - a time
            fencing='[fencing.rig]\nagent = "fence_takeover_rig"\n',
            disk=f'attach = "{ATTACH_PROGRAM}"',
        )

    # -- up and down ----------------------------------------------------------------------------

    def up(
        self,
        *,
        nodes: int = 3,
        luns: int = 1,
        lun_mib: int = 1024,
        release: str = "bookworm",
        purpose: str = "lab",
        witness: bool = False,
        say: Callable[[str], None],
    ) -> None:
        """Bring the rig up and wait until every node has booted.

        Args:
            nodes: 1 to 16.
            luns: Number of shared disks, 1 to 16.
            lun_mib: Size of each in MiB.
            release: Debian release that the nodes run.
            purpose: Kept in the layout, see `replaceable`.
            witness: Whether there is a host beside the nodes, called witness, that can run
                corosync-qnetd. It is worked on and broken like a node.
            say: Called with each step that takes a while.

        Raises:
            RigError: A value is out of range, the rig is up already, or it did not come up; then
                nothing of it is left.
            TreeError: The root tree could not be built.
        """
        if not (1 <= nodes <= MAX_NODES and 1 <= luns <= MAX_LUNS and lun_mib >= 1):
            raise RigError(
                f"a rig has 1 to {MAX_NODES} nodes, and 1 to {MAX_LUNS} LUNs of at least 1 MiB"
            )
        tree = tree_for(release, say)
        wheel = wheel_of_checkout()
        with self._lock():
            if self._remains():
                raise RigError(
                    f"rig {self.name}, or what remains of it, is there:"
                    f" `script/rig --name {self.name} down` removes it"
                )
            (RUN_DIR / self.name).mkdir(mode=0o700)
            layout = Layout(
                name=self.name,
                purpose=purpose,
                nodes=nodes,
                luns=luns,
                lun_mib=lun_mib,
                release=release,
                tree=str(tree),
                wheel=str(wheel),
                loop_base=free_loop_base(nodes * luns),
                witness=witness,
            )
            layout.save()
        say(f"booting {nodes} node{'s' if nodes > 1 else ''} with Debian {release}")
        try:
            self._start_controller(layout)
            self._await_boot(layout)
        except BaseException:
            with suppress(RigError):
                self.down()
            raise

    def down(self) -> None:
        """Remove the rig and everything that remains of it; nothing happens if there is nothing.

        Raises:
            RigError: Something could not be removed.
        """
        with self._lock():
            cgroup = self._cgroup()
            if cgroup.exists():
                # The whole rig is in this cgroup: this needs no PID, and no controller that lives.
                (cgroup / "cgroup.kill").write_text("1")
                _wait(lambda: _is_empty(cgroup), _DOWN_LIMIT, f"processes of rig {self.name} stay")
                gone = partial(remove_cgroup, cgroup)
                _wait(gone, _DOWN_LIMIT, f"the cgroup of rig {self.name} is busy")
            layout = Layout.load(self.name)
            for number in layout.loop_numbers if layout else ():
                gone = partial(remove_loop_device, number)
                _wait(gone, _DOWN_LIMIT, f"/dev/loop{number} is busy")
            shutil.rmtree(RUN_DIR / self.name, ignore_errors=True)

    def replaceable(self, purpose: str) -> bool:
        """Return whether nothing but a rig of this purpose, or remains of one, is in the way."""
        layout = Layout.load(self.name)
        return layout is None or layout.purpose == purpose

    def is_up(self) -> bool:
        """Return whether the rig's controller answers."""
        try:
            return bool(self.status()["state"] == "up")
        except (RigError, OSError):
            return False

    def _remains(self) -> bool:
        return (RUN_DIR / self.name).exists() or self._cgroup().exists()

    def _cgroup(self) -> Path:
        return cgroup2_root() / f"takeover-rig-{self.name}"

    def _start_controller(self, layout: Layout) -> None:
        (self._cgroup() / "controller").mkdir(parents=True)
        with layout.log_file.open("w") as log:
            subprocess.run(
                [sys.executable, "-m", "vagrant.one_machine.controller", self.name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )
        limit = time.monotonic() + _UP_LIMIT
        while not self.is_up():
            gone = _is_empty(self._cgroup())
            if gone or time.monotonic() > limit:
                raise RigError(f"the rig did not come up:\n{_tail(layout.log_file)}")
            time.sleep(0.05)

    def _await_boot(self, layout: Layout) -> None:
        limit = time.monotonic() + _BOOT_LIMIT
        for node in layout.host_names:
            self.wait_for_boot(node, limit - time.monotonic())

    def wait_for_boot(self, node: str, limit: float = _BOOT_LIMIT) -> None:
        """Wait until a node that is powered on has booted.

        Args:
            node: The node's name.
            limit: Seconds.

        Raises:
            RigError: The node has not booted when the time is over.
        """

        def booted() -> bool:
            try:
                state = self.run(node, "systemctl", "is-system-running").stdout.strip()
            except RigError:
                return False  # it is off: others may fence it meanwhile, and it boots once more
            return state in BOOTED

        _wait(booted, limit, f"{node} did not boot in {limit:.0f} s", pause=0.1)

    # -- commands on nodes ----------------------------------------------------------------------

    def command(self, node: str, *command: str) -> list[str]:
        """Return the command line that runs `command` on a node, from the machine."""
        pid = self._host(node)["pid"]
        if pid is None:
            raise RigError(f"{node} is powered off")
        namespaces = self._seen_from_outside(f"/proc/{pid}/ns")
        kinds = {
            "mount": "mnt",
            "uts": "uts",
            "ipc": "ipc",
            "net": "net",
            "pid": "pid",
            "cgroup": "cgroup",
        }
        options = [f"--{option}={namespaces}/{file}" for option, file in kinds.items()]
        environment = ["/usr/bin/env", "-i", f"PATH={_PATH}", "HOME=/root", "LANG=C.UTF-8"]
        return [
            "nsenter",
            *options,
            f"--root={namespaces}/../root",
            "--wdns=/",
            *environment,
            *command,
        ]

    def run(
        self, node: str, *command: str, check: bool = False, text: str = "", limit: float = 300.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a node and wait for it.

        Args:
            node: The node's name.
            command: The program and its arguments.
            check: Raise if it fails.
            text: Its standard input.
            limit: Seconds until it is given up.

        Raises:
            RigError: With `check`, when the command failed; or the node is off or does not exist.
            subprocess.TimeoutExpired: It took longer than `limit`.
        """
        result = subprocess.run(
            self.command(node, *command),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
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
        netns = self._seen_from_outside(self.status()["client_netns"])
        # Its PID namespace too: with the rig, its clients go.
        pids = f"/proc/{self._controller_pid()}/ns/pid"
        return ["nsenter", f"--net={netns}", f"--pid={pids}", *command]

    def _controller_pid(self) -> int:
        return int((self.layout.run_dir / "controller.pid").read_text())

    def _seen_from_outside(self, path: str) -> str:
        return f"/proc/{self._controller_pid()}/root{path}"

    # -- breaking and mending -------------------------------------------------------------------

    def power(self, node: str, state: str) -> None:
        """Switch a node's power: on, off or reset."""
        self._order(verb="power", node=node, state=state)

    def cut(self, node: str, links: Sequence[Link] = CLUSTER_LINKS) -> None:
        """Pull a node's network cables.

        Args:
            node: The node's name.
            links: By default both cluster links, and the clients with them. The storage network
                stays, which is the more dangerous case: what the node writes still arrives.
        """
        self._order(verb="cut", node=node, links=list(links))

    def heal(self, node: str) -> None:
        """Plug all of a node's network cables in."""
        self._order(verb="heal", node=node, links=list(Link))

    def set_fencing(self, node: str, *, works: bool) -> None:
        """Make the power switch of a node work, or refuse its fence agent."""
        self._order(verb="fencing", node=node, works=works)

    def save(self, snapshot: str) -> None:
        """Refuse: what runs in namespaces cannot be kept.

        Raises:
            RigError: Always.
        """
        raise RigError(f"no snapshot {snapshot!r}: a rig of namespaces is made anew in seconds")

    restore = save

    def status(self) -> dict[str, Any]:
        """Return what is on, what is cut, what is mounted where: see `Controller.status`."""
        return self._order(verb="status")

    def _host(self, name: str) -> dict[str, Any]:
        """Return what the controller says of a node, or of the witness."""
        status = self.status()
        found: dict[str, Any] | None = status["nodes"].get(name)
        if name == WITNESS:
            found = status["witness"]
        if found is None:
            raise self._no_node(name)
        return found

    def _no_node(self, name: str) -> RigError:
        return RigError(f"rig {self.name} has no node {name}: {', '.join(self.layout.host_names)}")

    def _order(self, **order: Any) -> dict[str, Any]:
        layout = self.layout
        node = order.get("node")
        if node is not None and node not in layout.host_names:
            raise self._no_node(node)
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(layout.control_socket))
                connection.sendall(json.dumps(order).encode() + b"\n")
                line = connection.makefile().readline()
            except OSError as error:
                raise RigError(
                    f"the controller of rig {self.name} does not answer: {error}"
                ) from error
        if not line:
            raise RigError(f"the controller of rig {self.name} ended:\n{_tail(layout.log_file)}")
        answer: dict[str, Any] = json.loads(line)
        if not answer.pop("ok"):
            raise RigError(str(answer["error"]))
        return answer

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time change rigs: all of the machine share its loop devices."""
        RUN_DIR.mkdir(mode=0o755, exist_ok=True)
        with (RUN_DIR / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _is_empty(cgroup: Path) -> bool:
    return "populated 0" in (cgroup / "cgroup.events").read_text()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


def _wait(condition: Callable[[], bool], limit: float, failure: str, pause: float = 0.01) -> None:
    if not eventually(condition, limit, pause):
        raise RigError(failure)
