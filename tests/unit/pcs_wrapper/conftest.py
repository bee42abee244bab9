"""The process boundary as an exact queue of expected calls, and a machine to run commands on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pcs_wrapper.cli import run
from pcs_wrapper.machine.console import Console
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.runner import Result, Runner
from tests.unit.fakes.cluster import Cluster

EXAMPLE = Path(__file__).parents[3] / "examples" / "postgresql.toml"
FIXTURES = Path(__file__).parent / "crm_mon"
LIVE = Path(__file__).parent / "live_cib"
CRM_MON = ("crm_mon", "--output-as=xml", "--one-shot", "--inactive", "--fence-history=3")
CONFIG = ("pcs", "cluster", "config", "--output-format=json")
SIMULATE = ("env", "*", "crm_simulate", "--run", "--live-check", "--output-as=xml")
TIMER = (
    "systemd-run --on-active=300s --timer-property=AccuracySec=1s --unit=takeover-unconfirmed-1 "
    "--collect /usr/local/bin/takeover rollback --unless-confirmed 1"
)
STOP_TIMER = "systemctl stop takeover-unconfirmed-1.timer"
PATCH = """\
<diff format="2">
  <version>
    <source admin_epoch="0" epoch="7" num_updates="12"/>
    <target admin_epoch="0" epoch="7" num_updates="12"/>
  </version>
</diff>
"""
# As pcs 0.11.5 and 0.12.0 print it.
CONFIGURED: dict[str, Any] = {
    "cluster_name": "shop",
    "transport": "KNET",
    "totem_options": {"token": "1000"},
    "nodes": [
        {
            "name": f"node{number}",
            "nodeid": f"{number}",
            "addrs": [
                {"addr": f"203.0.113.1{number}", "link": "1", "type": "IPv4"},
                {"addr": f"198.51.100.1{number}", "link": "0", "type": "IPv4"},
            ],
        }
        for number in (1, 2, 3)
    ],
}


@dataclass
class Call:
    """A call that is expected next, and what comes of it.

    Attributes:
        command: Program and arguments; an argument `*` stands for any.
        result: What the program says.
        stdin: What it must be given to read.
        effect: Called with the command that was really run.
    """

    command: tuple[str, ...]
    result: Result | type[TimeoutError] = field(default_factory=lambda: Result(0, "", ""))
    stdin: str = ""
    effect: Callable[[tuple[str, ...]], None] = lambda _: None


class ExpectedCalls(Runner):
    """A runner that takes exactly the calls that are expected, in their order."""

    def __init__(self) -> None:
        self.expected: list[Call] = []
        self.programs = {"pcs", "cibadmin", "crm_diff", "crm_mon", "crm_resource", "crm_simulate"}
        self.programs |= {"env", "systemctl", "systemd-run"}
        self.programs |= {"fence_apc", "fence_apc_snmp", "fence_takeover_rig"}
        self.logged: list[str] = []

    def expect(self, *command: str, stdout: str = "", exit_code: int = 0, stderr: str = "") -> Call:
        """Expect a call after all others."""
        call = Call(command, Result(exit_code, stdout, stderr))
        self.expected.append(call)
        return call

    def expect_state(self, fixture: str) -> None:
        """Expect a question for the cluster's state, answered with a fixture."""
        self.expect(*CRM_MON, stdout=(FIXTURES / f"{fixture}.xml").read_text())

    def expect_config(self, **difference: object) -> None:
        """Expect a question for Corosync's configuration: the example's, with a difference."""
        self.expect(*CONFIG, stdout=json.dumps(CONFIGURED | difference))

    def expect_push(
        self, live: str, look: Callable[[str, str], None] = lambda *_: None, exit_code: int = 0
    ) -> Call:
        """Expect a push, and look at the two CIBs while their files are there.

        Args:
            live: The live CIB at the moment of the push.
            look: Called with the CIB before and after.
            exit_code: How the push itself ends.

        Returns:
            The call that pushes.
        """

        def effect(command: tuple[str, ...]) -> None:
            old, new = Path(command[2]), Path(command[4])
            assert new.parent.stat().st_mode & 0o777 == 0o700
            look(old.read_text(), new.read_text())

        diff = ("crm_diff", "--original", "*", "--new", "*")
        self.expect(*diff, stdout=PATCH, exit_code=1).effect = effect
        self.expect("cibadmin", "--query", stdout=live)
        return self.expect("cibadmin", "--patch", "--xml-file", "*", exit_code=exit_code)

    def expect_undone(self, target: str) -> None:
        """Expect that a change is taken out of a CIB, by Pacemaker's own tool.

        Args:
            target: The CIB without it.
        """
        diff = ("crm_diff", "--original", "*", "--new", "*", "--no-version")
        self.expect(*diff, stdout="<diff/>", exit_code=1)
        self.expect("crm_diff", "--original", "*", "--patch", "*", stdout=target)

    def expect_settled(self, fixture: str, *, news: bool = True) -> None:
        """Expect the waiting until the cluster has settled.

        Args:
            fixture: The state that it settles in, from the first look on.
            news: Whether that differs from the state before.
        """
        for _ in range(3 if news else 2):
            self.expect_state(fixture)
        self.expect("crm_resource", "--wait", "--timeout=3")
        self.expect_state(fixture)

    def find(self, program: str) -> str | None:
        """Find only what is said to be installed."""
        return f"/usr/sbin/{program}" if program in self.programs else None

    def execute(self, command: tuple[str, ...], *, stdin: str, timeout: float) -> Result:
        """Take the next expected call."""
        assert timeout > 0
        assert self.expected, f"not expected: {command}"
        call = self.expected.pop(0)
        matches = [
            wanted in ("*", given) for wanted, given in zip(call.command, command, strict=False)
        ]
        assert all(matches), f"expected {call.command}, called {command}"
        assert len(command) == len(call.command), f"expected {call.command}, called {command}"
        assert stdin == call.stdin
        call.effect(command)
        if isinstance(call.result, type):
            raise call.result
        return call.result


@pytest.fixture
def runner() -> Iterator[ExpectedCalls]:
    """Return a runner that expects nothing yet; at the end, all that was expected has happened."""
    calls = ExpectedCalls()
    yield calls
    assert calls.expected == []


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Return a cluster that does not run yet; at the end, all that was to happen has happened."""
    cluster = Cluster()
    yield cluster
    cluster.check()


@dataclass
class Takeover:
    """The command line on a machine made for a test.

    Attributes:
        environment: The machine.
        said: What it said to be doing or waiting for.
        warned: What it warned of.
        progress: What it told of the cluster meanwhile.
    """

    machine: Machine
    said: list[str]
    warned: list[str]
    progress: list[str]

    def has_a_schema_that_rejects(self) -> None:
        """Give the machine a Pacemaker that takes no CIB."""
        schema = '<element name="cib" xmlns="http://relaxng.org/ns/structure/1.0"><text/></element>'
        self.machine.schemas.mkdir()
        for name in ("pacemaker-1.0.rng", "pacemaker-3.9.rng"):
            (self.machine.schemas / name).write_text(schema)

    def __call__(self, *arguments: str | Path) -> int:
        """Run a command and return its exit code."""
        return run([str(argument) for argument in arguments], self.machine)


@pytest.fixture
def takeover(tmp_path: Path, request: pytest.FixtureRequest) -> Takeover:
    """Return the command line as root on a machine with the agents, in no cluster."""
    agents = tmp_path / "agents"
    agents.mkdir()
    for name in ("app", "filesystem", "ip"):
        (agents / name).touch(mode=0o755)
    said: list[str] = []
    warned: list[str] = []
    progress: list[str] = []
    clock = iter(range(0, 100_000, 10))
    runner: Any = request.getfixturevalue("runner")
    if "cluster" in request.fixturenames:
        runner = request.getfixturevalue("cluster")
    machine = Machine(
        runner=runner,
        is_root=True,
        corosync_conf=tmp_path / "corosync.conf",
        agents=agents,
        schemas=tmp_path / "schemas",
        state=tmp_path / "state",
        program=Path("/usr/local/bin/takeover"),
        user="alice",
        now=lambda: datetime(2026, 11, 24, 20, 0, tzinfo=UTC),
        clock=getattr(runner, "clock", lambda: next(clock)),
        sleep=getattr(runner, "sleep", lambda _: None),
        console=Console(step=said.append, detail=progress.append, warning=warned.append),
    )
    return Takeover(machine, said, warned, progress)


@pytest.fixture
def live() -> str:
    """Return the live CIB of a cluster with Pacemaker 2.1."""
    return (LIVE / "2.1.xml").read_text()


@pytest.fixture
def description(tmp_path: Path) -> Path:
    """Return a description's file that the live CIBs have been made from."""
    file = tmp_path / "shop.toml"
    file.write_text((LIVE / "shop.toml").read_text())
    return file
