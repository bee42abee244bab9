"""The record of a node's upgrade, by which an interrupted one is told and can be continued.

It is kept on the node itself, from before its services leave until it runs them again: while its
cluster is stopped, and after a reboot, nothing else there knows of the upgrade.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from cib_templates.reading.files import MEBIBYTE
from pcs_wrapper.errors import Busy, StateNotWritten
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.files import read_private, require_own_folder, write_private
from pcs_wrapper.machine.machine import Machine

Stage = Literal["pause", "stop", "install", "reboot", "start"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True)
class Package:
    """A package that is upgraded.

    Attributes:
        name: Its name.
        old: The version that is installed; empty if it is not yet.
        new: The version that apt installs.
    """

    name: str
    old: str
    new: str

    @property
    def text(self) -> str:
        """The upgrade in a clause."""
        return f"{self.name} {self.old} to {self.new}" if self.old else f"{self.name} {self.new}"


@dataclass(frozen=True)
class Upgrade:
    """How far the upgrade of this node has come.

    Attributes:
        cluster_id: What tells this cluster from one that had its name before.
        node: The node's name.
        user: Who has begun it.
        at: When, in ISO 8601.
        system: Whether all packages of the system are upgraded.
        names: The packages that were named; empty for those of the cluster.
        packages: What is upgraded.
        rolling: What the upgrades of the other nodes, too, have in their entries of the history.
        reboot: Whether the node is rebooted if that is needed.
        stage: What it goes on with.
        hurts: Whether the others had no quorum without the node, which was accepted.
        is_rebooted: Whether it was rebooted since the packages are installed.
    """

    cluster_id: str
    node: str
    user: str
    at: str
    system: bool
    names: tuple[str, ...]
    packages: tuple[Package, ...]
    rolling: str
    reboot: bool
    stage: Stage = "pause"
    hurts: bool = False
    is_rebooted: bool = False

    @property
    def text(self) -> str:
        """The upgrade, and how far it has come, in a clause."""
        how_far = {
            "pause": "its services leave it, or have left it",
            "stop": "its services have left it, and its cluster was to be stopped",
            "install": "its cluster is stopped, and the packages may be installed in part",
            "reboot": "the packages are installed, and it is to be rebooted",
            "start": "the packages are installed, and it runs no services yet",
        }[self.stage]
        return f"the upgrade of {self.node} that {self.user} began at {self.at}: {how_far}"


class UpgradeRecord:
    """The file with the record of this node's upgrade.

    Args:
        state: Takeover's folder.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / "upgrade.json"

    def read(self, cluster_id: str) -> Upgrade | None:
        """Return the upgrade that did not end; None if there is none.

        Args:
            cluster_id: What tells this cluster from others: the record of another one is none.
        """
        try:
            require_own_folder(self._file.parent)
            data = json.loads(read_private(self._file, MEBIBYTE, may_be_read=True))
            if data["stage"] not in STAGES:
                return None
            found = Upgrade(
                cluster_id=str(data["cluster_id"]),
                node=str(data["node"]),
                user=str(data["user"]),
                at=str(data["at"]),
                system=bool(data["system"]),
                names=tuple(map(str, data["names"])),
                packages=tuple(Package(**each) for each in data["packages"]),
                rolling=str(data["rolling"]),
                reboot=bool(data["reboot"]),
                stage=data["stage"],
                hurts=bool(data["hurts"]),
                is_rebooted=bool(data["is_rebooted"]),
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            # A record that cannot be read, or is another version's, is none.
            return None
        return found if found.cluster_id == cluster_id else None

    def keep(self, upgrade: Upgrade, stage: Stage) -> None:
        """Write what the upgrade goes on with.

        Args:
            upgrade: The upgrade.
            stage: What it goes on with.

        Raises:
            StateNotWritten: Takeover's folder takes no files.
        """
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = json.dumps(asdict(replace(upgrade, stage=stage)), ensure_ascii=False)
            write_private(self._file, f"{text}\n")
        except OSError as error:
            raise StateNotWritten(self._file, error.strerror or f"{error}") from None

    def forget(self) -> None:
        """Delete the record, as the upgrade is complete."""
        self._file.unlink(missing_ok=True)


def warn_of_interrupted_upgrade(machine: Machine, cluster_id: str) -> None:
    """Warn of an upgrade of this node that is not complete; not of one that is under way.

    Args:
        machine: This machine.
        cluster_id: What tells this cluster from others.
    """
    if UpgradeRecord(machine.state).read(cluster_id) is None:
        return
    try:
        with lock.held(machine, "takeover"):
            found = UpgradeRecord(machine.state).read(cluster_id)
    except (Busy, StateNotWritten):
        return
    if found is not None:
        machine.console.warning(
            f"not complete: {found.text}. To go on with it: takeover upgrade; to leave it: "
            "takeover upgrade --forget"
        )
