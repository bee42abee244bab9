"""Data as JSON."""

from __future__ import annotations

import json
from typing import Any


def to_json(data: dict[str, Any]) -> str:
    """Return data as JSON, readable too."""
    return json.dumps(data, indent=2, ensure_ascii=False)
