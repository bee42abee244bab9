"""What the agents cost beside the stock agents, on the same resources, in the same run.

    .venv/bin/python -m bench.monitor_cost [--runs N] [--json FILE]

Needs root, and the stock agents (Debian: resource-agents). It works in network and mount namespaces
of its own, on a pair of virtual interfaces and a disk image, and leaves nothing behind.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bench.cost import Cost, Program, ProgramFailed, measure, run_once
from ocf_agents.install.launchers import install_agents
from ocf_agents.runtime import mountinfo, registration
from ocf_agents.runtime.process import identify

_STOCK = Path("/usr/lib/ocf/resource.d/heartbeat")
#: As most clusters have it: the interface is found from the routes.
_ADDRESS = {"ip": "198.51.100.7", "cidr_netmask": "24"}
_SERVICES = 10  # of which the watcher's memory is told

#: What is promised: our cost as a multiple of the peer's.
_BOUNDS = {
    ("monitor", "ip"): ("cpu_ms", 0.4),
    ("monitor", "filesystem"): ("cpu_ms", 0.4),
    ("monitor", "app"): ("cpu_ms", 2.0),
    ("start", "ip"): ("wall_ms", 1.0),
    ("stop", "ip"): ("wall_ms", 1.0),
    ("start", "filesystem"): ("wall_ms", 1.0),
    ("stop", "filesystem"): ("wall_ms", 1.0),
}
_MEMORY_BOUND_MIB = 40.0


class Bench:
    """The agents of both kinds, installed and with resources to run them on.

    Args:
        folder: A folder for whatever is made here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ours = install_agents(folder)[0].parent

    def ours(self, agent: str, action: str, parameters: dict[str, str]) -> Program:
        """Return an action of one of our agents."""
        return self._program(self._ours / agent, action, parameters)

    def stock(self, agent: str, action: str, parameters: dict[str, str]) -> Program:
        """Return an action of one of the stock agents."""
        return self._program(_STOCK / agent, action, parameters)

    def _program(self, path: Path, action: str, parameters: dict[str, str]) -> Program:
        environ = {
            "PATH": f"{self._folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "OCF_ROOT": "/usr/lib/ocf",
            "OCF_RESOURCE_INSTANCE": "bench",
            "OCF_RESKEY_CRM_meta_timeout": "20000",
            "OCF_RESKEY_CRM_meta_on_node": "node1",
            "HA_RSCTMP": str(self._folder / "state"),
            **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
        }
        if action == "monitor":
            environ["OCF_RESKEY_CRM_meta_interval"] = "10000"
        return Program((str(path), action), environ)


@contextmanager
def _started(start: Program, stop: Program) -> Iterator[None]:
    """Run a start before and a stop after."""
    run_once(start)
    try:
        yield
    finally:
        run_once(stop)


def _ip(bench: Bench, runs: int) -> dict[str, dict[str, Cost]]:
    return _compare(bench, runs, ("ip", "IPaddr2"), _ADDRESS)


def _filesystem(bench: Bench, runs: int, device: str, point: str) -> dict[str, dict[str, Cost]]:
    parameters = {"device": device, "directory": point, "fstype": "ext4"}
    return _compare(bench, runs, ("filesystem", "Filesystem"), parameters)


def _compare(
    bench: Bench, runs: int, agents: tuple[str, str], parameters: dict[str, str]
) -> dict[str, dict[str, Cost]]:
    """Measure start, monitor and stop of our agent and the stock one, in turns on one resource."""
    ours, stock = agents
    actions = ("start", "monitor", "stop")
    costs = measure(
        {
            "ours": [bench.ours(ours, action, parameters) for action in actions],
            "stock": [bench.stock(stock, action, parameters) for action in actions],
        },
        runs,
    )
    return {
        action: {kind: costs[kind][i] for kind in ("ours", "stock")}
        for i, action in enumerate(actions)
    }


def _app(bench: Bench, runs: int) -> dict[str, dict[str, Cost]]:
    """Measure the app's monitor beside an interpreter that does nothing at all."""
    parameters = {"binfile": "/bin/sleep", "cmdline_options": "600"}
    start, monitor, stop = (bench.ours("app", a, parameters) for a in ("start", "monitor", "stop"))
    bare = Program((os.path.realpath(sys.executable), "-IS", "-c", "pass"), {})
    with _started(start, stop):
        costs = measure({"ours": [monitor], "stock": [bare]}, runs)
    return {"monitor": {kind: costs[kind][0] for kind in costs}}


@contextmanager
def _watcher(state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the watcher of a node with `_SERVICES` services; our agents' monitors find it alive."""
    environ = {"HA_RSCTMP": str(state)}
    this = identify(os.getpid())
    root = mountinfo.at(mountinfo.mounts(), "/")[-1]
    kinds = {
        "app": [f"process {os.getpid()} {this.started if this else ''}"],
        "address": ["address 127.0.0.1 1", "link 1"],
        "data": [f"mount {root.disk} rw /"],
    }
    for number in range(_SERVICES):
        for kind, watches in kinds.items():
            registration.write(environ, f"service{number}-{kind}", "node1", watches)
    program = Path(__file__).parents[1] / "ocf_agents" / "watcher" / "daemon.py"
    command = [sys.executable, "-IS", str(program), registration.folder(environ)]
    watcher = subprocess.Popen(command)
    try:
        time.sleep(1)
        yield watcher
    finally:
        watcher.kill()
        watcher.wait()


def _memory_mib(process: subprocess.Popen[bytes]) -> float:
    """Return the memory (PSS, MiB) of a process."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    [pss] = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
    return int(pss) / 1024


@contextmanager
def _disk(folder: Path) -> Iterator[str]:
    """Make a loop device with an ext4 filesystem."""
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    attach = ["losetup", "--find", "--show", str(image)]
    device = subprocess.run(attach, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def _prepare_network() -> None:
    for command in (
        "ip link set lo up",
        "ip link add bench0 type veth peer name bench1",
        "ip link set bench0 up",
        "ip link set bench1 up",
        "ip address add 198.51.100.1/24 dev bench0",
    ):
        subprocess.run(command.split(), check=True)


def _prepare_programs(folder: Path) -> None:
    """Replace modprobe(8): the modules that the stock Filesystem loads are not measured."""
    (folder / "bin").mkdir()
    modprobe = folder / "bin" / "modprobe"
    modprobe.write_text("#!/bin/sh\nexit 0\n")
    modprobe.chmod(0o755)


def run(runs: int) -> dict[str, Any]:
    """Measure everything, within namespaces that are thrown away afterwards.

    Args:
        runs: How many rounds each median is of.

    Raises:
        ProgramFailed: An agent did not do what it is measured for.
    """
    _prepare_network()
    with tempfile.TemporaryDirectory() as name, _disk(Path(name)) as device:
        folder = Path(name)
        _prepare_programs(folder)
        (folder / "mnt").mkdir()
        bench = Bench(folder)
        with _watcher(folder / "state") as watcher:
            costs = {
                "ip": _ip(bench, runs),
                "filesystem": _filesystem(bench, runs, device, str(folder / "mnt")),
                "app": _app(bench, runs),
            }
            memory = _memory_mib(watcher)
    rows = [
        _row(agent, action, pair)
        for agent, actions in costs.items()
        for action, pair in actions.items()
    ]
    return {
        "runs": runs,
        "actions": rows,
        "watcher": {
            "services": _SERVICES,
            "pss_mib": round(memory, 1),
            "bound_mib": _MEMORY_BOUND_MIB,
        },
    }


def _row(agent: str, action: str, pair: dict[str, Cost]) -> dict[str, Any]:
    measured, bound = _BOUNDS.get((action, agent), ("cpu_ms", None))
    ours, stock = (getattr(pair[kind], measured) for kind in ("ours", "stock"))
    return {
        "agent": agent,
        "action": action,
        "measured": measured,
        "peer": "bare interpreter" if agent == "app" else "stock agent",
        "ours_wall_ms": round(pair["ours"].wall_ms, 1),
        "ours_cpu_ms": round(pair["ours"].cpu_ms, 1),
        "peer_wall_ms": round(pair["stock"].wall_ms, 1),
        "peer_cpu_ms": round(pair["stock"].cpu_ms, 1),
        "ratio": round(ours / stock, 2),
        "bound": bound,
    }


@click.command()
@click.option("--runs", default=30, show_default=True, help="Rounds that each median is of.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
@click.option("--inside", is_flag=True, hidden=True)
def main(runs: int, target: Path | None, inside: bool) -> None:
    """What the agents' actions cost beside the stock agents', in the same run."""
    if not inside:
        unshare = ["unshare", "--net", "--mount", "--propagation=private"]
        program = [sys.executable, "-m", "bench.monitor_cost", *sys.argv[1:], "--inside"]
        os.execvp(unshare[0], [*unshare, *program])
    try:
        figures = run(runs)
    except ProgramFailed as error:
        raise click.ClickException(str(error)) from error
    for row in figures["actions"]:
        bound = f"at most {row['bound']}" if row["bound"] else ""
        click.echo(
            f"{row['agent']:11} {row['action']:8} "
            f"wall {row['ours_wall_ms']:6.1f} : {row['peer_wall_ms']:6.1f} ms   "
            f"cpu {row['ours_cpu_ms']:6.1f} : {row['peer_cpu_ms']:6.1f} ms   "
            f"{row['measured'].removesuffix('_ms'):4} {row['ratio']:5.2f} {bound}"
        )
    watcher = figures["watcher"]
    click.echo(
        f"watcher of {watcher['services']} services: {watcher['pss_mib']} MiB PSS, "
        f"at most {watcher['bound_mib']:.0f}"
    )
    if target:
        target.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
