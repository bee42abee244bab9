"""Printing data and outputs as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pcs_wrapper.machine.terminal import escaped_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract.base import Output


def to_json(data: dict[str, Any]) -> str:
    """Return data as JSON, indented so that it can be read."""
    return escaped_json(json.dumps(data, indent=2, ensure_ascii=False))


def output_json(output: Output) -> str:
    """Return an output as JSON."""
    return to_json(output.model_dump(mode="json", by_alias=True))
