"""A cluster that answers and records, and a machine in it to run commands on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pcs_wrapper.cli import run
from pcs_wrapper.machine.console import Console
from pcs_wrapper.machine.machine import Machine
from tests.unit.fakes.cluster import Cluster

EXAMPLE = Path(__file__).parents[3] / "examples" / "postgresql.toml"
LIVE = Path(__file__).parent / "live_cib"
TIMER = (
    "systemd-run --on-active=300s --timer-property=AccuracySec=1s --unit=takeover-unconfirmed-1 "
    "--collect /usr/local/bin/takeover rollback --unless-confirmed 1"
)
#: What the example creates in a cluster that has nothing of Takeover's yet.
CREATED = (
    "cib-bootstrap-options-no-quorum-policy, fence-power, shop, shop-prefers-node1, "
    "shop-prefers-node2, shop-prefers-node3"
)
STOP_TIMER = "systemctl stop takeover-unconfirmed-1.timer"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Return a cluster that does not run yet; at the end, all that was to happen has happened."""
    cluster = Cluster()
    yield cluster
    cluster.check()


def commands_of(dry_run: str) -> list[str]:
    """Return the lines of a dry run without those that say what each step does."""
    return [line for line in dry_run.splitlines() if not line.startswith("# ")]


@dataclass
class Takeover:
    """The command line on a machine made for a test.

    Attributes:
        machine: The machine.
        said: What it said to be doing or waiting for.
        warned: What it warned of.
        progress: What it told of the cluster meanwhile.
        awaited: What it showed to be waiting for, each with the seconds; empty where that ended.
    """

    machine: Machine
    said: list[str]
    warned: list[str]
    progress: list[str]
    awaited: list[tuple[str, float]] = field(default_factory=list)

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
def takeover(tmp_path: Path, cluster: Cluster) -> Takeover:
    """Return the command line as root on a machine with the agents, in no cluster."""
    agents = tmp_path / "agents"
    agents.mkdir()
    for name in ("app", "filesystem", "ip", "survey"):
        (agents / name).touch(mode=0o755)
    said: list[str] = []
    warned: list[str] = []
    progress: list[str] = []
    awaited: list[tuple[str, float]] = []
    machine = Machine(
        runner=cluster,
        is_root=True,
        corosync_conf=tmp_path / "corosync.conf",
        agents=agents,
        schemas=tmp_path / "schemas",
        state=tmp_path / "state",
        archive=tmp_path / "archive",
        program=Path("/usr/local/bin/takeover"),
        host="node1",
        user="alice",
        now=lambda: datetime(2026, 11, 24, 20, 0, tzinfo=UTC),
        clock=cluster.clock,
        sleep=cluster.sleep,
        console=Console(
            step=said.append,
            detail=progress.append,
            warning=warned.append,
            waiting=lambda text, elapsed: awaited.append((text, elapsed)),
        ),
    )
    cluster.corosync_conf = machine.corosync_conf
    return Takeover(machine, said, warned, progress, awaited)


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
