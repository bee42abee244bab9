"""What a plan takes, beside the same configuration built by pcs and by crmsh, in the same run.

    .venv/bin/python -m bench.plan_speed [--runs N] [--sample N] [--json FILE]

Needs Debian's pacemaker-cli-utils; pcs and crmsh are compared with if they are there. Everything
works on files: there need be no cluster, and none is asked. pcs and crmsh are run for a few
services, and the time for all is extrapolated: as many times as long. They get slower with the size
of the CIB, so that this favours them. So does that our agents are not installed for them: they have
no meta-data to read.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from lxml import etree

from bench.cost import Program, run_once
from bench.described import crm_lines, description, online, pcs_commands
from cib_templates.cib.text import to_text
from cib_templates.cib.validation import check_schema
from cib_templates.comparing.diff import diff
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from cib_templates.reading.reading import read_description
from cib_templates.rendering.render import render
from pcs_wrapper.exit_codes import ExitCode
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.simulation import simulate

_T = TypeVar("_T")
_SIZES = (10, 100, 300, 1000)
_PLAN = (sys.executable, "-c", "from pcs_wrapper.cli import main; main()", "plan")
#: What is promised: seconds for 300 services, growth from 100 to 1,000, times faster than pcs.
_BOUND_S, _BOUND_SIZE = 1.0, 300
_BOUND_GROWTH = 11.0
_BOUND_PCS = 100.0


class Stages:
    """The stages of one plan, in this process, on one description."""

    def __init__(self, folder: Path, services: int) -> None:
        self.file, self.live_file = folder / "new.toml", folder / "live.xml"
        old = folder / "old.toml"
        old.write_text(description(services))
        # Every application changes: nothing of the difference is skipped.
        self.file.write_text(description(services, command="/usr/bin/other"))
        self.live = render(read_description(old))
        self.live_file.write_text(to_text(self.live))
        online(self.live)

    def run(self, *, with_simulation: bool) -> dict[str, float]:
        """Return the seconds that each stage takes."""
        took: dict[str, float] = {}
        described: Description = _timed(took, "read", lambda: read_description(self.file))
        new = _timed(took, "render", lambda: merge(self.live, described))
        _timed(took, "validate", lambda: check_schema(new))
        _timed(took, "diff", lambda: diff(self.live, new))
        if with_simulation:
            _timed(took, "crm_simulate", lambda: simulate(Machine(), self.live, new))
        return took

    def whole_process(self) -> tuple[float, float]:
        """Return wall and CPU seconds of `takeover plan` from a file without status to simulate."""
        command = (*_PLAN, str(self.file), "--cib", str(self.live_file))
        return run_once(Program(command, {"PATH": os.defpath}, ExitCode.DIFFERENT))


def _timed(took: dict[str, float], name: str, work: Callable[[], _T]) -> _T:
    begin = time.perf_counter()
    result = work()
    took[name] = time.perf_counter() - begin
    return result


def measure(services: int, runs: int) -> dict[str, Any]:
    """Measure one size: the medians of some runs, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        stages = Stages(Path(folder), services)
        wholes = [stages.whole_process() for _ in range(runs)]
        # The scheduler is asked twice and takes longest: once is enough.
        several = [stages.run(with_simulation=number == 0) for number in range(runs)]
    medians = {
        name: statistics.median(took[name] for took in several if name in took)
        for name in several[0]
    }
    wall, cpu = (statistics.median(column) for column in zip(*wholes, strict=True))
    return {"services": services, "whole_process": wall, "of_it_cpu": cpu, **medians}


def pcs_seconds(sample: int) -> float | None:
    """Return the seconds for each service of the pcs commands that build a few, in a file."""
    if shutil.which("pcs") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        cib = _empty(Path(folder))
        begin = time.perf_counter()
        for number in range(sample):
            for command in pcs_commands(number, str(cib)):
                subprocess.run(command, check=True, capture_output=True)
        took = time.perf_counter() - begin
        _check(cib, sample)
    return took / sample


def crm_seconds(sample: int, *, at_once: bool) -> float | None:
    """Return the seconds for each service of `crm configure`.

    Args:
        sample: how many services.
        at_once: in one file that crmsh loads; else an object at a time, as one types them.
    """
    if shutil.which("crm") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        cib, script = _empty(Path(folder)), Path(folder) / "lines.crm"
        lines = [line for number in range(sample) for line in crm_lines(number)]
        script.write_text("\n".join(lines) + "\n")
        commands = (
            [["load", "update", str(script)]] if at_once else [line.split() for line in lines]
        )
        begin = time.perf_counter()
        for command in commands:
            # With $CIB_file crmsh and the tools that it runs work on the file. It exits with 1 for
            # agents that it does not know, though --force makes it go on.
            subprocess.run(
                ["env", f"CIB_file={cib}", "crm", "--force", "configure", *command],
                check=False,
                capture_output=True,
                stdin=subprocess.DEVNULL,
            )
        took = time.perf_counter() - begin
        _check(cib, sample)
    return took / sample


def _empty(folder: Path) -> Path:
    """Make a file with the CIB of a cluster that has nodes and nothing else."""
    file, toml = folder / "cib.xml", folder / "empty.toml"
    toml.write_text(description(0))
    cib = render(read_description(toml))
    cib.set("crm_feature_set", "3.16.1")
    file.write_text(to_text(cib))
    return file


def _check(cib: Path, sample: int) -> None:
    groups = etree.parse(cib).findall(".//group")
    if len(groups) != sample:
        raise click.ClickException(f"{len(groups)} services were built, not {sample}")


def compare(rows: list[dict[str, Any]], sample: int) -> list[dict[str, Any]]:
    """Build a few services with pcs and crmsh, and extrapolate to the sizes that were measured."""
    peers = {
        "pcs -f": pcs_seconds(sample),
        "crm configure, an object at a time": crm_seconds(sample, at_once=False),
        "crm configure load, one file": crm_seconds(10 * sample, at_once=True),
    }
    return [
        {
            "tool": tool,
            "seconds_a_service": took,
            "services": row["services"],
            "extrapolated": took * row["services"],
            "times_ours": took * row["services"] / row["whole_process"],
        }
        for tool, took in peers.items()
        if took is not None
        for row in rows
    ]


def bounds(rows: list[dict[str, Any]], peers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare what was measured with what is promised."""
    whole = {row["services"]: row["whole_process"] for row in rows}
    found = [
        ("whole process, 300 services, s", whole.get(_BOUND_SIZE), "at most", _BOUND_S),
        (
            "growth from 100 to 1,000 services",
            whole[1000] / whole[100] if {100, 1000} <= set(whole) else None,
            "at most",
            _BOUND_GROWTH,
        ),
        *(
            (f"times faster than pcs, {row['services']} services", row["times_ours"], "at least",
             _BOUND_PCS)
            for row in peers
            if row["tool"] == "pcs -f" and row["services"] == _BOUND_SIZE
        ),
    ]  # fmt: skip
    return [
        {
            "what": what,
            "value": value,
            "bound": f"{word} {bound:g}",
            "kept": value <= bound if word == "at most" else value >= bound,
        }
        for what, value, word, bound in found
        if value is not None
    ]


@click.command()
@click.option("--runs", default=5, show_default=True, help="Runs that each median is of.")
@click.option("--sample", default=3, show_default=True, help="Services that pcs and crmsh build.")
@click.option(
    "--size", "sizes", type=int, multiple=True, default=_SIZES, help="Services; several times."
)
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
def main(runs: int, sample: int, sizes: tuple[int, ...], target: Path | None) -> None:
    """What a plan takes, beside the same configuration built by pcs and by crmsh.

    Exit code 1 if a bound is not kept.
    """
    rows = [measure(size, runs) for size in sizes]
    names = [name for name in rows[0] if name != "services"]
    click.echo(f"{'services':>8} " + " ".join(f"{name:>14}" for name in names))
    for row in rows:
        cells = " ".join(f"{row[name]:12.2f} s" for name in names)
        click.echo(f"{row['services']:8} {cells}")
    peers = compare(rows, sample)
    for row in peers:
        click.echo(
            f"{row['tool']:36} {row['services']:5} services: {row['extrapolated']:8.1f} s "
            f"(extrapolated from {row['seconds_a_service']:.2f} s a service), "
            f"{row['times_ours']:.0f} times as long"
        )
    kept = bounds(rows, peers)
    for row in kept:
        verdict = "kept" if row["kept"] else "NOT KEPT"
        click.echo(f"{row['what']}: {row['value']:.2f}, {row['bound']}: {verdict}")
    if target:
        figures = {"runs": runs, "sample": sample, "sizes": rows, "peers": peers, "bounds": kept}
        target.write_text(json.dumps(figures, indent=2) + "\n")
    if not all(row["kept"] for row in kept):
        sys.exit(1)


if __name__ == "__main__":
    main()
