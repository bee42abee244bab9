"""What share of strangers' clusters `takeover import` can describe whole.

    .venv/bin/python -m bench.import_share FOLDER [--schemas FOLDER] [--json FILE]

FOLDER has CIBs, such as cts/scheduler/xml of Pacemaker's sources: those of its scheduler's tests.
Those that are valid by the schema that they name are imported, with links of their nodes made up. A
CIB comes back whole if its description says all of it; it is lacking if the description has to be
completed before it can be applied, most often by fencing. Exit code 1 if one makes a traceback.
"""

import collections
import json
import re
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import click
from lxml import etree

from cib_templates.cib.validation import SCHEMA_DIRECTORY, check_schema
from cib_templates.errors import InvalidCib
from pcs_wrapper.cluster.importing import imported
from pcs_wrapper.pacemaker.corosync import ClusterConfig

WHOLE, IN_PART, LACKING, BROKEN = "whole", "in part", "lacking", "traceback"


def _corosync(cib: etree._Element) -> ClusterConfig:
    """Make up what Corosync's configuration would say of a CIB's nodes."""
    names = [str(node.get("uname")) for node in cib.iterfind("configuration/nodes/node")]
    links = {name: [f"2001:db8::{number:x}"] for number, name in enumerate(names, start=1)}
    return ClusterConfig("stranger", timedelta(seconds=3), links)


def _is_valid(cib: etree._Element, schemas: Path) -> bool:
    try:
        check_schema(cib, schemas)
    except InvalidCib:
        return False
    return True


def outcome(cib: etree._Element, name: str) -> tuple[str, list[str]]:
    """Import a CIB.

    Returns:
        What became of it, and what a description does not say, or lacks to be applied.
    """
    try:
        found = imported(cib, _corosync(cib), name)
    except Exception:
        return BROKEN, [traceback.format_exc()]
    if found.mistakes:
        return LACKING, [mistake.partition(": ")[2] for mistake in found.mistakes]
    return (IN_PART if found.undescribed else WHOLE), [str(each) for each in found.undescribed]


def _kind(said: str) -> str:
    """Return what is undescribed or lacking without the names in it."""
    for known in ("meta attribute", "parameter", "monitor", "start", "stop"):
        if re.match(rf"\S+,? {known}", said):
            return known
    without = re.sub(r"'[^']*'|\S+ cannot fence \S+", "…", said.partition(" (")[0])
    return without.split(" ")[0] if without.endswith("stays as it is") else without


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--schemas",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=SCHEMA_DIRECTORY,
    show_default=True,
    help="Where Pacemaker's schemas are.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what became of each CIB to this file.",
)
def main(folder: Path, schemas: Path, json_file: Path | None) -> None:
    """Import every valid CIB in FOLDER, and tell what share a description can say."""
    found: dict[str, tuple[str, list[str]]] = {}
    invalid = 0
    for file in sorted(folder.glob("*.xml")):
        try:
            cib = etree.parse(file).getroot()
        except etree.XMLSyntaxError:
            invalid += 1
            continue
        if _is_valid(cib, schemas):
            found[file.name] = outcome(cib, file.name)
        else:
            invalid += 1
    counts = collections.Counter(result for result, _ in found.values())
    click.echo(f"{len(found)} valid CIBs, {invalid} others left out")
    for result in (WHOLE, IN_PART, LACKING, BROKEN):
        click.echo(f"{result:10} {counts[result]:5}  {counts[result] / max(1, len(found)):6.1%}")
    for result in (IN_PART, LACKING):
        reasons = collections.Counter(
            kind
            for each, said in found.values()
            if each == result
            for kind in set(map(_kind, said))
        )
        click.echo(f"{result}, in how many of them:")
        for reason, count in reasons.most_common(12):
            click.echo(f"  {count:5}  {reason}")
    for name, (result, said) in found.items():
        if result == BROKEN:
            click.echo(f"{name}: {said[0]}", err=True)
    if json_file:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    sys.exit(1 if counts[BROKEN] or not found else 0)


if __name__ == "__main__":
    main(prog_name="bench.import_share")
