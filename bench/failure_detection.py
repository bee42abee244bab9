"""How soon a failure is told, and the client served again: the demo's service, on the rig.

    .venv/bin/python -m bench.failure_detection [--rounds N] [--polled N] [--json FILE]

Needs root. It brings a rig up and takes it down again. For each failure it tells the medians of all
rounds. Exit code 1 if they are more than what is promised.
"""

import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.failures import (
    FAILURES,
    LINK_RESOURCE,
    SCOPE,
    Failure,
    equipped,
    forget_failures,
    node_of,
    set_watching,
)
from bench.visitor import STEADY, Visitor
from vagrant.common.debian import PYTHON_OF
from vagrant.common.errors import RigError
from vagrant.common.waiting import eventually
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.running import running_service
from vagrant.demo.shop import Administrator
from vagrant.rig import Rig

#: More than a monitor's interval and a failover take, in seconds.
_LIMIT = 60.0
_QUIET = 4.0
#: What is promised, in seconds: Pacemaker is told of a killed application, the reaction to any
#: failure begins, and the client waits, besides for the application's own start.
_TOLD, _REACTION, _OUTAGE = 0.1, 0.2, 0.5


@dataclass(frozen=True)
class Measured:
    """What became of a failure; all times in seconds after it.

    Args:
        told_s: when Pacemaker had recorded it, by the watcher or a monitor.
        reaction_s: when the first action of the recovery began.
        outage_s: the longest time in which nobody was served; 0 if it is no concern of the service.
        own_start_s: the part of it that the application took for its own start.
        by: who has recorded it, as `finders` says.
    """

    told_s: float
    reaction_s: float
    outage_s: float
    own_start_s: float
    by: str


def inflict(failure: Failure, admin: Administrator, visitor: Visitor) -> Measured:
    """Make a failure happen, wait until all is well again, and tell what it cost.

    Raises:
        RigError: the service does not come back, or the cluster does not become whole again.
    """
    rig = admin.rig
    node = node_of(rig, failure.resource)
    struck = failure.strike(rig, node)
    begin = time.monotonic() - (time.time() - struck)
    # The cluster itself is not asked meanwhile: that would take its processor.
    outage = 0.0
    if failure.resource == LINK_RESOURCE:
        time.sleep(STEADY)
    # It may have been away for less than the visitor notices.
    elif eventually(lambda: visitor.is_served_again(begin), _LIMIT, 0.05) or visitor.is_served():
        outage = visitor.outage(begin)
    else:
        raise RigError(f"{failure.name}: the service is not back after {_LIMIT:.0f} s")
    failed = failed_result(failure.seen_at or failure.resource, node)
    wait_for_log(rig, node, struck, failed)
    failure.mend(rig, node)
    wait_until_whole(rig)
    journal = sorted(entry for name in rig.layout.node_names for entry in _log(rig, name, struck))
    told, _ = _first(journal, failed)
    began, _ = _first(journal, r"Initiating (stop|start) operation")
    return Measured(
        told_s=round(told - struck, 3),
        reaction_s=round(began - struck, 3),
        outage_s=round(outage, 3),
        own_start_s=round(_own_start(journal), 3),
        by=finders([text for _, text in journal], failed),
    )


def failed_result(resource: str, node: str) -> str:
    """Return a pattern of what Pacemaker logs of a failed action, whose first group is the action.

    A success is `ok` for Pacemaker 2.1, and `OK` for 3.0.

    Args:
        resource: the resource's ID, or a pattern of several.
        node: the node's name.
    """
    return rf"Result of (\w+) operation for {resource} on {node}: (?!ok|OK)"


def finders(log: list[str], failed: str) -> str:
    """Return who has recorded a failure: `watcher`, `monitor`, or both, the first one first.

    A monitor that had begun before the watcher told of it finds it, too. Then Pacemaker has the
    monitor's reason: it keeps one failure of a resource on a node, the last.

    Args:
        log: what the nodes have logged, the oldest first.
        failed: the pattern of its result.
    """
    names = {"asyncmon": "watcher", "monitor": "monitor"}
    actions = [found[1] for text in log if (found := re.search(failed, text))]
    return ", ".join(dict.fromkeys(names[action] for action in actions if action in names))


def wait_for_log(rig: Rig, node: str, since: float, pattern: str) -> str:
    """Wait until a node has logged something since a time, and return it.

    Raises:
        RigError: it has not.
    """
    found: list[str] = []

    def is_there() -> bool:
        found.extend(text for _, text in _log(rig, node, since) if re.search(pattern, text))
        return bool(found)

    if not eventually(is_there, _LIMIT, pause=0.2):
        raise RigError(f"{node} has not logged {pattern}")
    return found[0]


def _log(rig: Rig, node: str, since: float) -> Iterator[tuple[float, str]]:
    """Yield the time and the text of what a node has logged since a time."""
    fields = "--output-fields=MESSAGE,_SOURCE_REALTIME_TIMESTAMP"
    command = ("journalctl", "--output=json", fields, "--no-pager", f"--since=@{int(since)}")
    for line in rig.run(node, *command, check=True).stdout.splitlines():
        entry = json.loads(line)
        at = int(entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry["__REALTIME_TIMESTAMP"]) / 1e6
        if at >= since:
            yield at, str(entry["MESSAGE"])


def _first(journal: list[tuple[float, str]], pattern: str) -> tuple[float, re.Match[str]]:
    """Return when something is in the log for the first time, and what it is.

    Raises:
        RigError: it is not in it.
    """
    for at, text in journal:
        if found := re.search(pattern, text):
            return at, found
    raise RigError(f"no node has logged {pattern}")


def _own_start(journal: list[tuple[float, str]]) -> float:
    """Return the seconds from the start of PostgreSQL's program until it serves, 0 without one."""
    starts = [at for at, text in journal if text.startswith(f"Started {SCOPE}")]
    if not starts:
        return 0.0
    begun = starts[0]
    ready, _ = _first(journal, "database system is ready to accept connections")
    return ready - begun


def _rounds(
    admin: Administrator, visitor: Visitor, rounds: int, say: Callable[[str], None]
) -> Iterator[tuple[Failure, Measured]]:
    for number in range(1, rounds + 1):
        for failure in FAILURES:
            time.sleep(_QUIET)  # the nodes are still at work on the last one
            measured = inflict(failure, admin, visitor)
            say(f"{number}/{rounds} {failure.name}: {measured}")
            forget_failures(admin)
            yield failure, measured


def _medians(results: list[tuple[Failure, Measured]]) -> dict[str, dict[str, Any]]:
    """Return the medians for each failure, and the worst of what was told."""
    table = {}
    for failure in FAILURES:
        found = [asdict(measured) for each, measured in results if each is failure]
        times = [key for key in found[0] if key.endswith("_s")]
        row: dict[str, Any] = {
            key: round(statistics.median(f[key] for f in found), 3) for key in times
        }
        row["told_worst_s"] = max(f["told_s"] for f in found)
        row["outage_without_own_start_s"] = round(
            statistics.median(f["outage_s"] - f["own_start_s"] for f in found), 3
        )
        row["by"] = ", ".join(sorted({f["by"] for f in found}))
        row["rounds"] = len(found)
        table[failure.name] = row
    return table


def _broken(medians: dict[str, dict[str, Any]]) -> list[str]:
    """Return what does not hold of what is promised."""
    broken = [
        f"{name}: the reaction began after {row['reaction_s']} s, more than {_REACTION}"
        for name, row in medians.items()
        if row["reaction_s"] > _REACTION
    ]
    killed = medians["PostgreSQL killed"]
    if killed["told_s"] > _TOLD:
        broken.append(f"PostgreSQL killed: told after {killed['told_s']} s, more than {_TOLD}")
    if killed["outage_without_own_start_s"] > _OUTAGE:
        seconds = killed["outage_without_own_start_s"]
        broken.append(f"PostgreSQL killed: served after {seconds} s and its own start")
    return broken


def _show(title: str, medians: dict[str, dict[str, Any]]) -> None:
    table = Table("failure", "by", title=title, box=SIMPLE, pad_edge=False, title_justify="left")
    columns = {
        "told": "told_s",
        "worst": "told_worst_s",
        "reaction": "reaction_s",
        "outage": "outage_s",
        "own start": "own_start_s",
        "rounds": "rounds",
    }
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in medians.items():
        table.add_row(name, row["by"], *(str(row[key]) for key in columns.values()))
    Console(highlight=False).print(table)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=20, show_default=True, help="How often each failure happens.")
@click.option("--polled", default=0, help="As many rounds with watch=false, to compare.")
@click.option("--name", default="bench", show_default=True, help="The rig's name.")
@click.option(
    "--release", type=click.Choice(list(PYTHON_OF)), default="bookworm", show_default=True
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures to this file.",
)
def main(rounds: int, polled: int, name: str, release: str, json_file: Path | None) -> None:
    """Measure how soon failures are told, and the client served again; exit 1 if too late."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    with (
        running_service(name, release, say) as (admin, client),
        equipped(admin),
        Visitor(admin.rig) as visitor,
    ):
        watched = _medians(list(_rounds(admin, visitor, rounds, say)))
        found: dict[str, Any] = {"release": release, "watched": watched}
        _show(f"told by the watcher ({release})", watched)
        if polled:
            set_watching(admin, on=False)
            found["polled"] = _medians(list(_rounds(admin, visitor, polled, say)))
            _show(f"found by the monitor ({release})", found["polled"])
        lost = client.check().lost
    if json_file:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    broken = _broken(watched) + ([f"{len(lost)} acknowledged rows are lost"] if lost else [])
    for each in broken:
        say(each)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main(prog_name="bench.failure_detection")
