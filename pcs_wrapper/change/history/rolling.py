"""The record of a rolling restart, by which an interrupted one is told and can be continued.

It is kept on the node on which the restart was typed, from before the first node leaves until the
last one is back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cib_templates.reading.files import MEBIBYTE
from pcs_wrapper.errors import Busy, StateNotWritten
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.files import read_private, require_own_folder, write_private
from pcs_wrapper.machine.machine import Machine


@dataclass(frozen=True)
class Rolling:
    """How far a rolling restart has come.

    Attributes:
        cluster_id: What tells this cluster from one that had its name before.
        user: Who has begun it.
        at: When, in ISO 8601.
        nodes: The nodes, in the order of their turns.
        done: Those that were restarted.
        node: The node whose turn it is; empty between two turns.
        stopping: Whether the cluster on that node was to be stopped already.
    """

    cluster_id: str
    user: str
    at: str
    nodes: tuple[str, ...]
    done: tuple[str, ...] = ()
    node: str = ""
    stopping: bool = False

    @property
    def left(self) -> tuple[str, ...]:
        """The nodes that were not restarted yet, the one whose turn it is first."""
        return tuple(sorted(set(self.nodes) - set(self.done), key=self._place))

    def _place(self, node: str) -> tuple[bool, int]:
        return node != self.node, self.nodes.index(node)

    @property
    def text(self) -> str:
        """The restart, and how far it has come, in a clause."""
        left = f"{_and(self.left)} {_were(self.left)} not restarted yet"
        done = f"{_and(self.done)} {_were(self.done)} restarted, " if self.done else ""
        at = f" (its turn was that of {self.node})" if self.node else ""
        return f"the rolling restart of {self.user} of {self.at}{at}: {done}{left}"


class RollingRecord:
    """The file with the record of a rolling restart.

    Args:
        state: Takeover's folder.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / "restart.json"

    def read(self, cluster_id: str) -> Rolling | None:
        """Return how far a restart has come that did not end; None if there is none.

        Args:
            cluster_id: What tells this cluster from others: the record of another one is none.
        """
        try:
            require_own_folder(self._file.parent)
            data = json.loads(read_private(self._file, MEBIBYTE, may_be_read=True))
            found = Rolling(
                cluster_id=str(data["cluster_id"]),
                user=str(data["user"]),
                at=str(data["at"]),
                nodes=tuple(map(str, data["nodes"])),
                done=tuple(map(str, data["done"])),
                node=str(data["node"]),
                stopping=bool(data["stopping"]),
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            # A record that cannot be read, or is another version's, is none.
            return None
        return found if found.cluster_id == cluster_id and found.left else None

    def keep(self, rolling: Rolling) -> None:
        """Write how far a restart has come.

        Args:
            rolling: The restart.

        Raises:
            StateNotWritten: Takeover's folder takes no files.
        """
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._file, json.dumps(asdict(rolling), ensure_ascii=False) + "\n")
        except OSError as error:
            raise StateNotWritten(self._file, error.strerror or f"{error}") from None

    def begins(self, rolling: Rolling, node: str, *, stopping: bool = False) -> Rolling:
        """Note that it is a node's turn.

        Args:
            rolling: The restart.
            node: The node.
            stopping: Whether its cluster is stopped now.
        """
        noted = replace(rolling, node=node, stopping=stopping)
        self.keep(noted)
        return noted

    def ends(self, rolling: Rolling, node: str) -> None:
        """Note that a node was restarted.

        Args:
            rolling: The restart before the node's turn.
            node: The node.
        """
        self.keep(replace(rolling, done=(*rolling.done, node), node="", stopping=False))

    def forget(self) -> None:
        """Delete the record, as the restart is complete."""
        self._file.unlink(missing_ok=True)


def warn_of_interrupted(machine: Machine, cluster_id: str) -> None:
    """Warn of a rolling restart on this node that was interrupted; not of one that is under way.

    Args:
        machine: This machine.
        cluster_id: What tells this cluster from others.
    """
    if RollingRecord(machine.state).read(cluster_id) is None:
        return
    try:
        with lock.held(machine, "takeover"):
            found = RollingRecord(machine.state).read(cluster_id)
    except (Busy, StateNotWritten):
        return
    if found is not None:
        machine.console.warning(
            f"interrupted: {found.text}. To go on with it: takeover cluster restart; to leave it: "
            "takeover cluster restart --forget"
        )


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _were(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"
