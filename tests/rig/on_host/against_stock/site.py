"""A node with one of two agents for the same thing, and how good an answer in a situation is."""

from __future__ import annotations

import contextlib
import enum
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.rig.on_host.conftest import Node, run
from tests.rig.on_host.disks import image, loop
from tests.security.enclosed import USER, Enclosed

HEARTBEAT = "/usr/lib/ocf/resource.d/heartbeat"
STOCK = {"ip": "IPaddr2", "filesystem": "Filesystem", "app": "anything"}
# A first process that takes note of orphans, which stock agents rely on.
INIT = ("sh", "-c", "sleep 600 & wait")
ALLOWED = 4  # seconds that the cluster allows for an action
INSTANCE = f"against-stock-{os.getpid()}"  # the tests run side by side
HUNG = -1  # instead of the exit code of an action that has to be killed
SUCCESS, GENERIC, CONFIGURED, NOT_RUNNING, DEGRADED = 0, 1, 6, 7, 190


class Grade(enum.IntEnum):
    """How good an answer is: the higher, the better."""

    WRONG = 0  # it says what is not true, costs data, or harms what has nothing to do with it
    FAILED = 1  # it says that it fails, or does not answer: the cluster takes care of it
    RIGHT = 2


class Site:
    """A node for a situation, with one of the two agents.

    Args:
        node: The node.
        folder: A folder for images and the like.
        ours: Whether the agent is ours.

    Attributes:
        node: The same.
        folder: The same.
        ours: The same.
    """

    def __init__(self, node: Node, folder: Path, *, ours: bool) -> None:
        self.node = node
        self.folder = folder
        self.ours = ours
        self._stack = contextlib.ExitStack()
        node.state.mkdir(exist_ok=True)
        self._tools = folder / "tools"
        self._tools.mkdir()
        modprobe = self._tools / "modprobe"  # Filesystem refuses to do anything without
        modprobe.write_text("#!/bin/sh\n")
        modprobe.chmod(0o755)
        # It also has a shell of the user's run everything.
        users = folder / "passwd"
        users.write_text("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
        node.run("mount", "--bind", str(users), "/etc/passwd")
        # `anything` starts login shells. What root's does on this machine is not the agent's fault.
        for profile in (Path.home() / each for each in (".profile", ".bash_profile", ".bashrc")):
            if profile.exists():
                node.run("mount", "--bind", "/dev/null", str(profile))

    def act(
        self, agent: str, action: str, environ: dict[str, str] | None = None, /, **given: str
    ) -> int:
        """Perform an action of the agent, and return its exit code, or `HUNG`.

        Args:
            agent: Our agent, whose place the stock agent may take.
            action: The action.
            environ: Variables besides the usual ones.
            given: The parameters.
        """
        program = str(self.node.agent(agent)) if self.ours else f"{HEARTBEAT}/{STOCK[agent]}"
        running = subprocess.Popen(
            [*self.node.enter, program, action],
            env={
                "PATH": f"{self._tools}:{os.environ['PATH']}",
                "OCF_ROOT": "/usr/lib/ocf",
                "OCF_RESOURCE_TYPE": STOCK[agent],
                "OCF_RESOURCE_INSTANCE": INSTANCE,
                "OCF_RESKEY_CRM_meta_timeout": str(ALLOWED * 1000),
                "HA_RSCTMP": str(self.node.state),
                **{f"OCF_RESKEY_{name}": value for name, value in given.items()},
                **(environ or {}),
            },
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        try:
            return running.wait(2 * ALLOWED)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, 9)
            return HUNG

    def disk(self, *mkfs: str, size: int = 32) -> str:
        """Return a disk with a filesystem; it is there until the situation is over."""
        number = len(list(self.folder.glob("*.img")))
        path = image(self.folder / f"{number}.img", *mkfs, size=size)
        return self._stack.enter_context(loop(path))

    def background(self, *command: str, user: int = 0) -> subprocess.Popen[bytes]:
        """Run a process of the node until the situation is over; it is there when this returns."""
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        running = subprocess.Popen(
            [*self.node.enter, *(as_user if user else []), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, 9)
            running.kill()
            running.communicate()

        self._stack.callback(end)
        return running

    def shell(self, script: str, user: int = 0) -> subprocess.Popen[bytes]:
        """Run a shell script in the background, once it has said that it is ready."""
        running = self.background("sh", "-c", script, user=user)
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n", script
        return running

    def python(self, script: str, user: int = USER) -> subprocess.Popen[bytes]:
        """Run a Python script of an ordinary user, once it has said that it is ready."""
        running = self.background("/usr/bin/python3", "-IS", "-c", script, user=user)
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n", script
        return running

    def at_the_end(self, action: Callable[[], object]) -> None:
        """Have something done when the situation is over."""
        self._stack.callback(action)

    def close(self) -> None:
        """Leave nothing of the situation."""
        mounts = self.node.run("cat", "/proc/mounts").stdout.splitlines()
        # A bind mount of the node's shows the disk's source, too.
        for line in reversed([line for line in mounts if "/dev/loop" in line.split(" ")[0]]):
            self.node.run("umount", "--lazy", line.split(" ")[1], check=False)
        self._stack.close()


@contextlib.contextmanager
def node_with_one_agent(agents: Path, folder: Path, *, ours: bool) -> Iterator[Site]:
    """Make a node for one situation and one of the two agents.

    Args:
        agents: The folder of our agents.
        folder: An empty folder.
        ours: Whether the agent is ours.
    """
    node = Enclosed(agents, folder / "rsctmp", INIT)
    site = Site(node, folder, ours=ours)
    try:
        yield site
    finally:
        site.close()
        node.end()


@contextlib.contextmanager
def cable(site: Site) -> Iterator[Node]:
    """Connect the node's eth1 to that of a neighbour, and return the neighbour."""
    neighbour = Enclosed(site.folder, site.folder / "neighbour")
    try:
        ends = [each.enter[1].partition("=")[2] for each in (site.node, neighbour)]
        make = f"ip link add eth1 type veth peer name eth1 netns {ends[1]}"
        run("nsenter", f"--target={ends[0]}", "--net", "--", *make.split())
        for each, number in ((site.node, 1), (neighbour, 2)):
            each.run("ip", "link", "set", "eth1", "up")
            each.run(*f"ip address add 198.51.100.{number}/24 dev eth1".split())
            each.run(*f"ip address add 2001:db8::{number}/64 dev eth1 nodad".split())
        yield neighbour
    finally:
        neighbour.end()


def of_a_monitor(code: int, *, runs: bool) -> Grade:
    """Return how good the answer of a monitor or a probe is.

    Args:
        code: Its exit code.
        runs: Whether it runs, as far as the cluster is concerned: so that no other node may start
            it, and nothing need be done about it.
    """
    if code in (GENERIC, HUNG):
        return Grade.FAILED
    if runs:
        return Grade.RIGHT if code in (SUCCESS, DEGRADED) else Grade.WRONG
    return Grade.RIGHT if code in (NOT_RUNNING, 5) else Grade.WRONG


def of_an_alarm(code: int, *, left: bool = True) -> Grade:
    """Return how good the answer of a monitor is to what does not serve any more.

    Args:
        code: Its exit code.
        left: Whether something of it is left, so that "not running" would be untrue.
    """
    if code == GENERIC or (code == NOT_RUNNING and not left):
        return Grade.RIGHT
    return Grade.FAILED if code == HUNG else Grade.WRONG


def of_a_start(code: int, *, works: bool) -> Grade:
    """Return how good the answer of a start is that can succeed.

    Args:
        code: Its exit code.
        works: Whether it serves now.
    """
    if code == SUCCESS:
        return Grade.RIGHT if works else Grade.WRONG
    return Grade.WRONG if code == CONFIGURED else Grade.FAILED


def of_a_refusal(code: int, *, harm: bool, everywhere: bool = False) -> Grade:
    """Return how good the answer of a start is that must not succeed on this node.

    Args:
        code: Its exit code.
        harm: Whether it has done what it must not.
        everywhere: Whether it must not succeed on any node.
    """
    if harm or code in (SUCCESS, NOT_RUNNING):
        return Grade.WRONG
    if code == CONFIGURED:
        return Grade.RIGHT if everywhere else Grade.WRONG
    return Grade.FAILED if code == HUNG else Grade.RIGHT


def of_a_stop(code: int, *, left: bool, harm: bool = False) -> Grade:
    """Return how good the answer of a stop is.

    Args:
        code: Its exit code.
        left: Whether something of it is left.
        harm: Whether it has ended or taken away what was not the resource's.
    """
    if harm or (left and code == SUCCESS):
        return Grade.WRONG
    return Grade.RIGHT if code == SUCCESS else Grade.FAILED
