"""What the commands really print about one cluster, in text and in JSON, of both releases.

The pages in docs/reference show these outputs, and the tests of this folder judge them.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from cib_templates.cib.text import to_text
from pcs_wrapper.cli import run
from pcs_wrapper.machine.machine import Machine
from tests.conformance.conftest import GOOD
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.pcsd import Machines, Pcsd
from tests.unit.fakes.programs import PUSH, told
from tests.unit.fakes.site import two_networks

RELEASES = ("2.1", "3.0")
_FIXTURES = Path(__file__).parents[1]
_LIVE = _FIXTURES / "live_cib"
_RUNNING = {"2.1": "running", "3.0": "running-3.0"}
# Where agents of one's own are put.
_AGENT = "/usr/local/lib/ocf/resource.d/example/good"
_DESCRIPTION = "cluster.toml"
# As corosync-quorumtool prints it.
VOTES = """\
Votequorum information
----------------------
Expected votes:   3
Highest expected: 3
Total votes:      3
Quorum:           2
Flags:            Quorate

Membership information
----------------------
    Nodeid      Votes Name
         1          1 node1 (local)
         2          1 node2
         3          1 node3
"""


class Command:
    """The command line of a node in a cluster of one release.

    Args:
        release: The release of Pacemaker.
        folder: An empty folder, in which the description is.
    """

    def __init__(self, release: str, folder: Path) -> None:
        self.release = release
        self.folder = folder
        self.cluster = Cluster(cib=(_LIVE / f"{release}.xml").read_text())
        self.cluster.state = _RUNNING[release]
        agents = folder / "agents"
        agents.mkdir()
        for name in ("app", "filesystem", "ip", "survey"):
            (agents / name).touch(mode=0o755)
        self.machine = Machine(
            runner=self.cluster,
            is_root=True,
            corosync_conf=folder / "corosync.conf",
            agents=agents,
            schemas=folder / "schemas",
            state=folder / "state",
            archive=folder / "archive",
            program=Path("/usr/local/bin/takeover"),
            host="node1",
            root=folder / "root",
            netlink=two_networks(folder / "site").machine().netlink,
            interfaces=folder / "interfaces",
            user="alice",
            now=lambda: datetime(2026, 11, 24, 20, 0, tzinfo=UTC),
            clock=self.cluster.clock,
            sleep=self.cluster.sleep,
        )
        self.cluster.corosync_conf = self.machine.corosync_conf
        text = (_LIVE / "shop.toml").read_text()
        # As the live CIB of that release was made.
        self.description = text.replace("ql/15", "ql/17") if release == "3.0" else text

    @property
    def description(self) -> str:
        """The text of the description."""
        return (self.folder / _DESCRIPTION).read_text()

    @description.setter
    def description(self, text: str) -> None:
        (self.folder / _DESCRIPTION).write_text(text)

    def change_a_parameter(self) -> None:
        """Edit the description, so that there is something to change."""
        self.description = self.description.replace('user = "postgres"', 'user = "pg"')
        simulated = _FIXTURES / "crm_simulate"
        self.cluster.scheduled = (
            (simulated / f"nothing-{self.release}.xml").read_text(),
            (simulated / f"parameter-{self.release}.xml").read_text(),
        )

    def __call__(self, *arguments: str, machine: Machine | None = None) -> str:
        """Return what a command prints on standard output, or else on standard error.

        Args:
            arguments: The command line.
            machine: Another machine than the node.
        """
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            run(arguments, machine or self.machine)
        assert "fault in Takeover" not in err.getvalue(), err.getvalue()
        return out.getvalue() or err.getvalue()


def _status(command: Command, *options: str) -> str:
    command.cluster.state = f"fencing-refused-real-{command.release}"
    return command("status", *options)


def _init(command: Command, *options: str) -> str:
    site = two_networks(command.folder / "root")
    switch = "fence_apc ip=203.0.113.2 username=cluster password_script=/etc/takeover/apc"
    what = ("--node", "node3", "--fence", switch, "--service", "shop", "--unit", "nginx")
    return command("init", "--defaults", *what, *options, "shop.toml", machine=site.machine())


def _check(command: Command, *options: str) -> str:
    if options:  # in text, a mistake is an error
        command.description = command.description.replace("prefix = 24", "prefiks = 24")
    return command("check", *options, _DESCRIPTION)


def _plan(command: Command, *options: str) -> str:
    command.change_a_parameter()
    command.description = command.description.replace(
        'pattern = "standby"', 'pattern = "standby"\nbudget = "10s"'
    )
    return command("plan", *options, _DESCRIPTION)


def _apply_dry_run(command: Command, *options: str) -> str:
    command.change_a_parameter()
    return command("apply", "--dry-run", *options, _DESCRIPTION)


def _apply(command: Command, *options: str) -> str:
    command.change_a_parameter()
    command.cluster.when(PUSH, state="start-failed")
    command.cluster.when(PUSH, state=_RUNNING[command.release])
    return command("apply", "-m", "another user", *options, _DESCRIPTION)


def _applied(command: Command) -> None:
    command.change_a_parameter()
    command("apply", "-m", "another user", "--confirm", "5m", _DESCRIPTION)


def _rollback_dry_run(command: Command, *options: str) -> str:
    _applied(command)
    # Somebody else's work is in the way.
    command.cluster.edit('value="INT"', 'value="QUIT"')
    return command("rollback", "--dry-run", *options)


def _rollback(command: Command, *options: str) -> str:
    _applied(command)
    return command("rollback", "--yes", "-m", "too early", *options)


def _history(command: Command, *options: str) -> str:
    _rollback(command)
    return command("history", *options)


def _drift(command: Command, *options: str) -> str:
    root = etree.fromstring(command.cluster.cib)
    [resources] = root.iterfind("configuration/resources")
    root_of_cups = {"id": "cups", "class": "systemd", "type": "cups"}
    resources.append(resources.makeelement("primitive", root_of_cups))
    [user] = root.xpath("//primitive[@id='shop-app']//nvpair[@name='user']")
    user.set("value", "root")
    command.cluster.cib = to_text(root)
    return command("drift", *options, _DESCRIPTION)


def _moving(command: Command) -> None:
    """Let the scheduler move the service, and the cluster have moved it."""
    simulated = _FIXTURES / "crm_simulate"
    command.cluster.scheduled = (
        (simulated / f"nothing-{command.release}.xml").read_text(),
        (simulated / f"moved-{command.release}.xml").read_text(),
    )


def _without(state: str, *nodes: str) -> str:
    for node in nodes:
        head, found, rest = state.partition(f'<node name="{node}" id=')
        state = head + found + rest.replace('online="true"', 'online="false"', 1)
    return state


def _belongs(command: Command) -> str:
    """Let the machine belong to a cluster that is well, and return its state."""
    _moving(command)
    (command.folder / "corosync.conf").write_text("totem {\n    cluster_uuid: 0123\n}\n")
    command.cluster.programs.add("corosync-quorumtool")
    command.cluster.votes = VOTES
    command.cluster.state = _with_device(command)
    return command.cluster.state


def _cluster_start(command: Command, *options: str) -> str:
    well = _belongs(command)
    command.cluster.state = _without(well, "node3")
    command.cluster.when("pcs cluster start node3", state=well)
    return command("cluster", "start", *options)


def _cluster_stop(command: Command, *options: str) -> str:
    well = _belongs(command)
    here, there = (
        'name="{}" id="{}" cached'.format(*node) for node in (("node1", 1), ("node2", 2))
    )
    command.cluster.when("pcs cluster stop", state=_without(well.replace(here, there), "node3"))
    return command("cluster", "stop", "--yes", *options, "node3")


def _cluster_restart(command: Command, *options: str) -> str:
    well = _belongs(command)
    command.cluster.when("pcs cluster stop node3", state=_without(well, "node3"))
    command.cluster.when("pcs cluster start node3", state=well)
    return command("cluster", "restart", "--yes", *options, "node3")


def _cluster_dry_run(command: Command, *options: str) -> str:
    _belongs(command)
    return command("cluster", "restart", "--dry-run", *options, "node1")


def _cluster_destroy(command: Command, *options: str) -> str:
    _applied(command)
    _belongs(command)
    command.cluster.when("pcs cluster destroy", then=(command.folder / "corosync.conf").unlink)
    text = command("cluster", "destroy", "--yes", *options)
    return text.replace(str(command.folder / "state"), "/var/lib/takeover")


def _cluster_destroy_dry_run(command: Command, *options: str) -> str:
    _belongs(command)
    return command("cluster", "destroy", "--dry-run", *options)


def _service_dry_run(command: Command, *options: str) -> str:
    _moving(command)
    return command("service", "move", "shop", "node2", "--dry-run", *options)


def _service_prepare(command: Command, *options: str) -> str:
    initdb = ("/usr/lib/postgresql/15/bin/initdb", "-D", "data")
    words = ("service", "prepare", "--dry-run", *options, "shop", _DESCRIPTION)
    return command(*words, "--", *initdb)


def _service(command: Command, *options: str) -> str:
    _moving(command)
    here, there = (
        'name="{}" id="{}" cached'.format(*node) for node in (("node1", 1), ("node2", 2))
    )
    state = command.cluster.state.replace(here, there)
    command.cluster.when(PUSH, state=state)
    return command("service", "move", "shop", "node2", "-m", "more memory", *options)


def _node_pause(command: Command, *options: str) -> str:
    _moving(command)
    state = command.cluster.state
    drained = state.replace('<node name="node1" id="1" cached', '<node name="node2" id="2" cached')
    command.cluster.when(PUSH, state=drained)
    return command("node", "pause", "--for", "2h", "-m", "new memory", *options, "node1")


def _node_pause_dry_run(command: Command, *options: str) -> str:
    _moving(command)
    return command("node", "pause", "--dry-run", *options, "node1")


def _node_list(command: Command, *options: str) -> str:
    _node_pause(command)
    return command("node", "list", *options)


def _node_remove(command: Command, *options: str) -> str:
    well = _belongs(command)
    command.cluster.scheduled = command.cluster.scheduled and (command.cluster.scheduled[0],) * 2
    lines = well.splitlines(keepends=True)
    without = "".join(line for line in lines if '<node name="node3" id=' not in line)
    command.cluster.when("pcs cluster node remove", state=without)
    described = ("--description", _DESCRIPTION)
    return command("node", "remove", "--yes", *described, *options, "node3")


def _node_remove_dry_run(command: Command, *options: str) -> str:
    _belongs(command)
    described = ("--description", _DESCRIPTION)
    return command("node", "remove", "--dry-run", *described, *options, "node2")


def _has_packages(command: Command) -> str:
    """Let the machine have an older Pacemaker than the repository; return the state afterwards."""
    well = _belongs(command)
    old, new = {"2.1": ("2.1.5-1", "2.1.6-1"), "3.0": ("3.0.0-5", "3.0.1-1")}[command.release]
    command.cluster.packages = {"pacemaker": ("pacemaker", old), "libc6": ("glibc", "2.36-9")}
    command.cluster.repository = {"pacemaker": new, "libc6": "2.36-9"}
    here, there = (
        'name="{}" id="{}" cached'.format(*node) for node in (("node1", 1), ("node2", 2))
    )
    return well.replace(here, there)


def _upgrade(command: Command, *options: str) -> str:
    after = _has_packages(command)
    head, node, rest = after.partition('<node name="node1" id=')
    paused = head + node + rest.replace('standby="false"', 'standby="true"', 1)
    command.cluster.when(PUSH, state=paused)
    command.cluster.when("pcs cluster stop", state="disconnected")
    command.cluster.when("pcs cluster start", state=paused)
    command.cluster.when(PUSH, state=after)
    return command("upgrade", "--yes", *options)


def _upgrade_dry_run(command: Command, *options: str) -> str:
    _has_packages(command)
    return command("upgrade", "--dry-run", *options)


def _node_evict_dry_run(command: Command, *options: str) -> str:
    _belongs(command)
    command.cluster.state = _with_device(command, node3="unclean")
    command.cluster.pcsd["node3"] = "Offline"
    command.cluster.dead_links = {(0, 3), (1, 3)}
    described = ("--description", _DESCRIPTION)
    return command("node", "evict", "--dry-run", *described, *options, "node3")


def _joining(command: Command) -> Machine:
    """Let a machine be known that is to become a node."""
    _belongs(command)
    machines = Machines(command.folder / "root", {})
    for number in (1, 2, 3, 4):
        machines.pcsds[f"198.51.100.1{number}"] = Pcsd()
        machines.know(f"node{number}", f"198.51.100.1{number}")
    command.cluster.machines["node4"] = "on"
    command.cluster.edit("node1,node2,node3", "node1,node2,node3,node4")
    return replace(command.machine, ask=machines.ask)


_LINKS = ("--address", "198.51.100.14", "--address", "203.0.113.14")


def _node_add(command: Command, *options: str) -> str:
    machine = _joining(command)
    lines = command.cluster.state.splitlines(keepends=True)
    node3 = next(line for line in lines if '<node name="node3" id=' in line)
    node4 = node3.replace('name="node3" id="3"', 'name="node4" id="4"')
    state = command.cluster.state.replace(node3, f"{node3}{node4}")
    command.cluster.when("pcs cluster start node4", state=state)
    described = ("--description", _DESCRIPTION, *_LINKS)
    return command("node", "add", "--yes", *described, *options, "node4", machine=machine)


def _node_add_dry_run(command: Command, *options: str) -> str:
    machine = _joining(command)
    described = ("--description", _DESCRIPTION, *_LINKS)
    return command("node", "add", "--dry-run", *described, *options, "node4", machine=machine)


def _node_replace(command: Command, *options: str) -> str:
    machine = _joining(command)
    command.cluster.scheduled = command.cluster.scheduled and (command.cluster.scheduled[0],) * 2
    lines = command.cluster.state.splitlines(keepends=True)
    node3 = next(line for line in lines if '<node name="node3" id=' in line)
    node4 = node3.replace('name="node3" id="3"', 'name="node4" id="4"')
    command.cluster.when("pcs cluster node remove", state=command.cluster.state.replace(node3, ""))
    state = command.cluster.state.replace(node3, node4)
    command.cluster.when("pcs cluster start node4", state=state)
    described = ("--description", _DESCRIPTION, *_LINKS)
    names = ("node3", "node4")
    return command("node", "replace", "--yes", *described, *options, *names, machine=machine)


def _node_replace_dry_run(command: Command, *options: str) -> str:
    machine = _joining(command)
    command.cluster.state = _with_device(command, node3="unclean")
    command.cluster.dead_links = {(0, 3), (1, 3)}
    described = ("--description", _DESCRIPTION)
    return command("node", "replace", "--dry-run", *described, *options, "node3", machine=machine)


def _quorum_status(command: Command, *options: str) -> str:
    command.cluster.programs.add("corosync-quorumtool")
    command.cluster.votes = VOTES
    return command("quorum", "status", *options)


@contextlib.contextmanager
def _typed(text: str) -> Iterator[None]:
    """Let somebody type a line."""
    before, sys.stdin = sys.stdin, io.StringIO(f"{text}\n")
    try:
        yield
    finally:
        sys.stdin = before


_HISTORY = (
    '<fence_history><fence_event action="reboot" target="node3" client="pacemaker-controld.552" '
    'origin="node2" status="{}" delegate="node2" completed="2026-11-24 19:{}:00.5Z"/>'
)
_IDLE = '<pacemaker-result api-version="2.38"><actions/><status code="0"/></pacemaker-result>'
_CONFIRM = "stonith_admin --confirm=node3"


def _with_device(command: Command, *, node3: str = "online") -> str:
    """Return what crm_mon tells, with the device of the live CIB, and a node that may be off."""
    state = told(_RUNNING[command.release]).replace("fence-power", "fence-rig")
    state = state.replace("stonith:fence_apc", "stonith:fence_takeover_rig")
    if node3 == "online":
        return state
    head, found, rest = state.partition('<node name="node3"')
    rest = rest.replace('online="true"', 'online="false"', 1)
    unclean = "true" if node3 == "unclean" else "false"
    return head + found + rest.replace('unclean="false"', f'unclean="{unclean}"', 1)


def _with_history(command: Command) -> None:
    events = _HISTORY.format("success", "59") + _HISTORY.format("failed", "58").partition(">")[2]
    history = f"{events}</fence_history><status "
    command.cluster.state = _with_device(command).replace("<status ", history)
    command.cluster.programs.add("journalctl")
    at = datetime.fromisoformat("2026-11-24 19:58:00Z").timestamp()
    command.cluster.journal = [
        (at - 8, "Requesting peer fencing (reboot) targeting node3"),
        (at, "fence_takeover_rig[480] stderr: [ the outlet is locked ]"),
        (at, "Operation 'reboot' [480] targeting node3 using fence-rig returned 1"),
    ]


def _fence_list(command: Command, *options: str) -> str:
    _with_history(command)
    del command.cluster.machines["node2"]
    return command("fence", "list", *options)


def _fence_history(command: Command, *options: str) -> str:
    _with_history(command)
    return command("fence", "history", *options)


def _fence_confirm_dry_run(command: Command, *options: str) -> str:
    command.cluster.state = _with_device(command, node3="unclean")
    command.cluster.dead_links = {(0, 3), (1, 3)}
    command.cluster.machines["node3"] = "connection refused"
    return command("fence", "confirm", "--dry-run", *options, "node3")


def _fence_confirm(command: Command, *options: str) -> str:
    _fence_confirm_dry_run(command)
    command.cluster.when(_CONFIRM, state=_with_device(command, node3="off"))
    with _typed("node3"):
        return command("fence", "confirm", *options, "node3")


def _fence_test_dry_run(command: Command, *options: str) -> str:
    command.cluster.state = _with_device(command)
    command.cluster.scheduled = _IDLE, _IDLE
    return command("fence", "test", "--dry-run", *options)


def _fence_test(command: Command, *options: str) -> str:
    _fence_test_dry_run(command)
    back = _with_device(command)
    command.cluster.when(
        "stonith_admin --reboot=node3",
        state=_with_device(command, node3="off"),
        then=lambda: command.cluster.later(back),
    )
    return command("fence", "test", "--yes", *options, "node3")


def _cluster_configure(command: Command, *options: str) -> str:
    command.description = command.description.replace("203.0.113.13", "203.0.113.33")
    return command("cluster", "configure", "--dry-run", *options, _DESCRIPTION)


def _with_password(command: Command) -> tuple[str, str]:
    """Return the option with a file that has the password of the user hacluster."""
    (command.folder / "password").touch(mode=0o600)
    (command.folder / "password").write_text(command.cluster.password)
    return "--password-file", "password"


def _witness_dry_run(command: Command, *options: str) -> str:
    _quorum_status(command)
    return command("witness", "add", "--dry-run", *options, "witness")


def _witness(command: Command, *options: str) -> str:
    _quorum_status(command)

    def vote() -> None:
        text = VOTES.replace("votes:   3", "votes:   4").replace("votes:      3", "votes:      4")
        device = "         0          1            Qdevice\n"
        command.cluster.votes = text.replace("Quorum:           2", "Quorum:           3") + device

    command.cluster.when("pcs quorum device add", then=vote)
    return command("witness", "add", *options, "witness", *_with_password(command))


def _backup(command: Command, *options: str) -> str:
    command.machine.corosync_conf.touch()
    return command("backup", *options, "shop.tar.gz")


def _restored(command: Command, *options: str) -> str:
    _backup(command)
    command.machine.corosync_conf.unlink()
    return command("restore", "shop.tar.gz", *_with_password(command), "--yes", *options)


def _restore_dry_run(command: Command, *options: str) -> str:
    _backup(command)
    command.machine.corosync_conf.unlink()
    text = command("restore", "--dry-run", *options, "shop.tar.gz")
    return text.replace(str(command.machine.state), "/var/lib/takeover")


def _agents_check(command: Command, *options: str) -> str:
    agent = command.folder / "good"
    agent.write_text(
        GOOD.replace("stop) stop ;;", "stop) [ -e $state ] || fail 7 'nothing there'; stop ;;")
    )
    agent.chmod(0o755)
    only = ("--only", "stop-before-start", "--only", "meta-data")
    text = command("agents", "check", "good", "-o", "colour=blue", *only, *options)
    return re.sub(r'("seconds": )[0-9.]+', r"\g<1>0.004", text.replace(str(agent), _AGENT))


def _agents_check_list(command: Command, *options: str) -> str:
    return command("agents", "check", "--list", *options)


def _error(command: Command, *options: str) -> str:
    command.description = command.description.replace("prefix = 24", "prefiks = 24")
    return command("plan", *options, _DESCRIPTION)


_PRINTED: dict[str, Callable[..., str]] = {
    "status": _status,
    "check": _check,
    "plan": _plan,
    "apply": _apply,
    "apply-dry-run": _apply_dry_run,
    "rollback": _rollback,
    "rollback-dry-run": _rollback_dry_run,
    "history": _history,
    "drift": _drift,
    "cluster-start": _cluster_start,
    "cluster-stop": _cluster_stop,
    "cluster-restart": _cluster_restart,
    "cluster-dry-run": _cluster_dry_run,
    "cluster-destroy": _cluster_destroy,
    "cluster-destroy-dry-run": _cluster_destroy_dry_run,
    "init": _init,
    "service-prepare": _service_prepare,
    "service": _service,
    "service-dry-run": _service_dry_run,
    "node-list": _node_list,
    "node-pause": _node_pause,
    "node-dry-run": _node_pause_dry_run,
    "cluster-configure": _cluster_configure,
    "upgrade": _upgrade,
    "upgrade-dry-run": _upgrade_dry_run,
    "node-add": _node_add,
    "node-add-dry-run": _node_add_dry_run,
    "node-replace": _node_replace,
    "node-replace-dry-run": _node_replace_dry_run,
    "node-remove": _node_remove,
    "node-remove-dry-run": _node_remove_dry_run,
    "node-evict-dry-run": _node_evict_dry_run,
    "quorum-status": _quorum_status,
    "witness": _witness,
    "witness-dry-run": _witness_dry_run,
    "fence-list": _fence_list,
    "fence-history": _fence_history,
    "fence-confirm": _fence_confirm,
    "fence-confirm-dry-run": _fence_confirm_dry_run,
    "fence-test": _fence_test,
    "fence-test-dry-run": _fence_test_dry_run,
    "backup": _backup,
    "restore": _restored,
    "restore-dry-run": _restore_dry_run,
    "agents-check": _agents_check,
    "agents-check-list": _agents_check_list,
    "error": _error,
}


def printed(name: str, release: str, *options: str) -> str:
    """Return what a command prints.

    Args:
        name: The name of its output, as `takeover schema --output` takes it.
        release: The release of Pacemaker.
        options: `--json`, or nothing for text.
    """
    with tempfile.TemporaryDirectory(prefix="takeover-test-") as folder:
        return _PRINTED[name](Command(release, Path(folder)), *options)


def examples() -> dict[str, str]:
    """Return an example of each JSON output."""
    return {name: printed(name, "3.0", "--json") for name in _PRINTED}
