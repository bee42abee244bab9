"""The reference page of descriptions, written from the model: every key with what it may be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.fields import FieldInfo

from cib_templates.cib.durations import in_words
from cib_templates.model.cluster import Cluster, Fencing, Fragment, Node, QuorumDevice, Sbd
from cib_templates.model.description import Description
from cib_templates.model.services import Address, App, Filesystem, Mirror, Service
from cib_templates.model.table import Table

_TABLES: list[tuple[str, type[Table]]] = [
    ("The file", Description),
    ("[cluster]", Cluster),
    ("[nodes.NAME]", Node),
    ("[quorum.device]", QuorumDevice),
    ("[sbd]", Sbd),
    ("[fencing.NAME]", Fencing),
    ("[services.NAME]", Service),
    ("[services.NAME.mirror]", Mirror),
    ("[services.NAME.filesystem]", Filesystem),
    ("[services.NAME.app]", App),
    ("[services.NAME.address]", Address),
    ("[[fragments]]", Fragment),
]


def reference() -> str:
    """Return the page, Markdown."""
    pages = [
        "# The description, key by key\n\n<!-- Written by script/reference from the model. -->\n\n"
        "What the keys are for is in [Describing a cluster](../describing.md).\n"
    ]
    for title, table in _TABLES:
        rows = "".join(_row(name, field) for name, field in table.model_fields.items())
        pages.append(
            f"\n## {title}\n\n| key | what is right | if left out |\n|---|---|---|\n{rows}"
        )
    return "".join(pages)


def _row(name: str, field: FieldInfo) -> str:
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `{field.alias or name}` | {meaning} | {_default(field)} |\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*(required)*"
    value: Any = field.default
    match value:
        case None | [] | {}:
            return ""
        case timedelta():
            return f'`"{in_words(value)}"`'
        case bool():
            return f"`{str(value).lower()}`"
        case list():
            return ", ".join(f'`"{item}"`' for item in value)
        case _:
            return f'`"{value}"`'
