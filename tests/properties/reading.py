"""Reading what hypothesis has made, and Pacemaker's schemas to check it with."""

from __future__ import annotations

import tempfile
import warnings
from functools import cache
from pathlib import Path

import tomli_w
from hypothesis import assume
from lxml import etree

from cib_templates.cib.validation import SCHEMA_DIRECTORY, check_schema, is_installed
from cib_templates.errors import DescriptionError
from cib_templates.model.description import Description
from cib_templates.reading.reading import read_description
from tests.properties.documents import Document
from vagrant.common.building import CACHE_DIR


def read(document: Document) -> Description:
    """Read a description as `takeover` does, from a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cluster.toml"
        file.write_text(tomli_w.dumps(document))
        return read_description(file)


def accepted(document: Document) -> Description:
    """Read a description that hypothesis has made; the few that are refused do not count."""
    try:
        return read(document)
    except DescriptionError as error:
        assert all(each.code and each.message and each.path for each in error.findings)
        assume(False)
        raise


@cache
def _schemas() -> Path | None:
    """Pacemaker's schemas on this machine, or in a root tree of the rig's nodes."""
    trees = sorted(CACHE_DIR.glob("*/usr/share/pacemaker"))
    for folder in (SCHEMA_DIRECTORY, *trees):
        if is_installed(folder):
            return folder
    warnings.warn("no Pacemaker: what is rendered is not checked by its schemas", stacklevel=2)
    return None


def check_by_rng(cib: etree._Element) -> None:
    """Check a CIB by Pacemaker's schemas, on a machine that has them."""
    schemas = _schemas()
    if schemas:
        check_schema(cib, schemas)
