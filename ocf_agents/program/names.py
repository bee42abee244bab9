"""What an application is called on a node: in the journal, as a cgroup, as a file."""

from __future__ import annotations

from ocf_agents.runtime.state import folder, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def identifier(instance: str) -> str:
    """Return the name of an application in the journal, and of its cgroup."""
    return f"takeover-app-{plain(instance)}"


def output_file(environ: Mapping[str, str], instance: str) -> str:
    """Return the file that output goes to where there is no journal."""
    return f"{folder(environ)}/{identifier(instance)}.log"
