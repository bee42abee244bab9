"""Checking a CIB against the RNG schema of the installed Pacemaker."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lxml import etree

from cib_templates.errors import InvalidCib

SCHEMA_DIRECTORY = Path("/usr/share/pacemaker")
_SCHEMA_NAME = re.compile(r"pacemaker-[0-9.]+|pacemaker-next")


def is_installed(directory: Path = SCHEMA_DIRECTORY) -> bool:
    """Return whether Pacemaker's schemas are on this machine."""
    return (directory / "pacemaker-1.0.rng").is_file()


@cache
def _compiled(file: Path) -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(file))


def check_schema(cib: etree._Element, directory: Path = SCHEMA_DIRECTORY) -> None:
    """Check a CIB against the schema that its `validate-with` names.

    Args:
        cib: A whole CIB.
        directory: Where Pacemaker's schemas are. They include one another by relative path.

    Raises:
        InvalidCib: The schema rejects it, or this Pacemaker does not have that schema.
    """
    name = cib.get("validate-with", "")
    file = directory / f"{name}.rng"
    if _SCHEMA_NAME.fullmatch(name) is None or not file.is_file():
        raise InvalidCib(
            f"the CIB asks for the schema {name!r}, and this machine's Pacemaker has none of that "
            f"name in {directory}"
        )
    schema = _compiled(file)
    # From text, so that line numbers are those of the file that a user can look at.
    document = etree.fromstring(etree.tostring(cib))
    if not schema.validate(document):
        errors = "\n".join(f"  line {error.line}: {error.message}" for error in schema.error_log)
        raise InvalidCib(f"the schema {file} rejects the CIB:\n{errors}")
