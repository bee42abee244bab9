"""Two nodes lose each other, again and again: does the one that serves win, and who waits how long?

    .venv/bin/python -m bench.fencing_race [--cuts N] [--losses N] [--release R] [--json FILE]

Needs root. It brings a rig up and takes it down again. The nodes serve in turn, and the cables are
pulled out of the one that serves and of the other in turn. Exit code 1 if the node that served did
not win each time. Then the node that serves loses its power, which costs the delay by which it
would have won.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import click

from bench.visitor import STEADY, Visitor
from vagrant.common.debian import PYTHON_OF
from vagrant.common.errors import RigError
from vagrant.common.waiting import eventually
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import Administrator
from vagrant.demo.small import cut_between, serve_from, small_cluster, small_description

#: How long each cut lasts, in seconds: longer than the delay, token and fencing together.
_CUT = 18.0
_SERVED_LIMIT = 90.0
_PLANNED_FILE = "/root/planned.toml"


def _cut(admin: Administrator, number: int) -> dict[str, Any]:
    """Make one cut, and return what came of it."""
    names = admin.rig.layout.node_names
    serving = names[number % 2]
    other = next(name for name in names if name != serving)
    cut = serving if number % 4 >= len(names) else other
    serve_from(admin, serving)
    with Visitor(admin.rig) as visitor:
        time.sleep(STEADY)
        begin = time.monotonic()
        lived = cut_between(admin, cut, _CUT)
        outage = visitor.outage(begin)
    won = lived[serving] and not lived[other]
    return {"serving": serving, "cut": cut, "lived": lived, "won": won, "outage_s": outage}


def _lose(admin: Administrator, serving: str) -> dict[str, float]:
    """Switch the node that serves off; return what was predicted and measured, in seconds."""
    rig = admin.rig
    serve_from(admin, serving)
    # By which the cluster has measured a start when all is well.
    done = rig.run(serving, "takeover", "plan", _PLANNED_FILE, "--json")
    [service] = json.loads(done.stdout)["services"]
    with Visitor(rig) as visitor:
        time.sleep(STEADY)
        begin = time.monotonic()
        rig.power(serving, "off")
        if not eventually(lambda: visitor.is_served_again(begin), _SERVED_LIMIT, pause=0.1):
            raise RigError("the service is not taken over")
        outage = visitor.outage(begin)
    wait_until_whole(rig)
    return {"predicted_s": service["node_failure"]["total"]["likely"], "measured_s": outage}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cuts", default=20, show_default=True, help="How often the nodes are cut apart.")
@click.option("--losses", default=3, show_default=True, help="How often the power is lost.")
@click.option("--name", default="bench-race", show_default=True, help="The rig's name.")
@click.option(
    "--release", type=click.Choice(list(PYTHON_OF)), default="bookworm", show_default=True
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what came of each cut to this file.",
)
def main(cuts: int, losses: int, name: str, release: str, json_file: Path | None) -> None:
    """Cut two nodes apart, and count how often the one that serves wins."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    found, lost = [], []
    with small_cluster(name, release, 2, say) as admin:
        for number in range(cuts):
            found.append(_cut(admin, number))
            say(f"{number + 1}/{cuts} {json.dumps(found[-1])}")
        for node in admin.rig.layout.node_names:
            admin.rig.write(node, _PLANNED_FILE, small_description(admin.rig))
        for number in range(losses):
            lost.append(_lose(admin, admin.rig.layout.node_names[number % 2]))
            say(f"{number + 1}/{losses} {json.dumps(lost[-1])}")
    won = sum(each["won"] for each in found)
    click.echo(f"{release}: the node that served won {won} of {cuts}")
    for whose in ("other", "serving"):
        outages = [
            each["outage_s"]
            for each in found
            if (each["cut"] == each["serving"]) == (whose == "serving")
        ]
        if outages:
            click.echo(
                f"the {whose} node's cables pulled: {len(outages)} times, clients waited "
                f"{statistics.median(outages):.2f} s (median), {max(outages):.2f} s (longest)"
            )
    for each in lost:
        click.echo(
            f"the serving node's power lost: predicted {each['predicted_s']:.2f} s, measured "
            f"{each['measured_s']:.2f} s"
        )
    if json_file:
        figures = {"release": release, "cuts": found, "losses": lost}
        json_file.write_text(json.dumps(figures, indent=2) + "\n")
    sys.exit(0 if won == cuts else 1)


if __name__ == "__main__":
    main(prog_name="bench.fencing_race")
