"""A rig that is none: machines and a cluster, as far as their repair needs them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from vagrant.common.networks import CLUSTER_LINKS, Link
from vagrant.rig import Equipment

NODES = ["node1", "node2", "node3"]


class FakeRig:
    """Three machines and a cluster, each of which does at once what it is told.

    What is broken is in its attributes; `instead` has what an order does in place of its effect, by
    the order's first words.
    """

    equipment = Equipment(token_time="1000ms", fencing="", disk="")
    layout = SimpleNamespace(node_names=NODES)

    def __init__(self) -> None:
        self.off: set[str] = set()
        self.cut_links: dict[str, list[Link]] = {}
        self.refusing: set[str] = set()
        self.stopped: set[str] = set()
        #: Nodes on which the cluster has no configuration yet when it is asked next.
        self.starting: set[str] = set()
        self.unclean: set[str] = set()
        self.standby: set[str] = set()
        self.maintenance: set[str] = set()
        self.properties: dict[str, str] = {}
        self.meta: set[str] = set()
        self.failures: list[str] = []
        self.configured = True
        self.orders: list[str] = []
        self.instead: dict[str, Callable[[], None]] = {}

    # -- the machines -----------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return what is on, what is cut, and which power switch works."""
        nodes = {
            node: {
                "power": "off" if node in self.off else "on",
                "cut": self.cut_links.get(node, []),
                "fencing": "refuses" if node in self.refusing else "works",
            }
            for node in NODES
        }
        return {"nodes": nodes}

    def power(self, node: str, state: str) -> None:
        """Switch a node's power: on, off or reset."""

        def do() -> None:
            if state == "reset":
                self.unclean.discard(node)
            (self.off.add if state == "off" else self.off.discard)(node)

        self._obey(f"power {node} {state}", do)

    def cut(self, node: str, links: tuple[Link, ...] = CLUSTER_LINKS) -> None:
        """Pull a node's cables."""
        self._obey(f"cut {node}", lambda: self.cut_links.update({node: list(links)}))

    def heal(self, node: str) -> None:
        """Plug a node's cables in."""
        self._obey(f"heal {node}", lambda: self.cut_links.pop(node, None))

    def set_fencing(self, node: str, *, works: bool) -> None:
        """Make a power switch work, or refuse."""
        change = self.refusing.discard if works else self.refusing.add
        self._obey(f"fencing {node} {works}", lambda: change(node))

    # -- the cluster ------------------------------------------------------------------------------

    def run(
        self, node: str, *command: str, check: bool = False, limit: float = 0
    ) -> subprocess.CompletedProcess[str]:
        """Answer crm_mon; do what another of the cluster's programs would do."""
        assert limit > 0, "nobody waits for ever"
        if command[0] == "crm_mon":
            code = 102 if node in self.stopped else 0
            if node in self.starting:
                self.starting.discard(node)
                empty = "<pacemaker-result><summary/></pacemaker-result>"
                return subprocess.CompletedProcess(command, code, empty, "")
            return subprocess.CompletedProcess(command, code, self._seen(), "")
        assert check, "a repair that fails is noticed"
        done = {
            "systemctl": lambda: self.stopped.discard(node),
            "pcs": lambda: self._pcs(*command[2:]),
            "crm_attribute": lambda: self.properties.pop(command[2], None),
            "cibadmin": lambda: self.meta.difference_update(
                {each for each in self.meta if f"'{each}'" in command[-1]}
            ),
            "crm_resource": self.failures.clear,
        }[command[0]]
        self._obey(" ".join(command), done)
        return subprocess.CompletedProcess(command, 0, "", "")

    def _pcs(self, order: str, node: str) -> None:
        {"unstandby": self.standby, "unmaintenance": self.maintenance}[order].discard(node)

    def _obey(self, order: str, do: Callable[[], object]) -> None:
        self.orders.append(order)
        for begin, instead in self.instead.items():
            if order.startswith(begin):
                instead()
                return
        do()

    def _seen(self) -> str:
        nodes = "".join(
            f'<node name="{node}" online="{_flag(node not in self.stopped)}"'
            f' unclean="{_flag(node in self.unclean)}" pending="false" shutdown="false"'
            f' standby="{_flag(node in self.standby)}" standby_onfail="false"'
            f' maintenance="{_flag(node in self.maintenance)}"/>'
            for node in NODES
        )
        disabled = "target-role" in self.meta
        target_role = ' target_role="Stopped"' if disabled else ""
        app = (
            f'<resource id="shop-app" role="{"Stopped" if disabled else "Started"}"'
            f' managed="{_flag("is-managed" not in self.meta)}" failed="false" blocked="false"'
            f' orphaned="false"{target_role}/>'
        )
        group = f'<group id="shop">{app}</group>' if self.configured else ""
        failures = "".join(f'<failure op_key="{key}" node="node1"/>' for key in self.failures)
        maintenance = self.properties.get("maintenance-mode", "false")
        return (
            '<pacemaker-result><summary><current_dc present="true" with_quorum="true"/>'
            f'<cluster_options maintenance-mode="{maintenance}"'
            ' stop-all-resources="false" stonith-enabled="true"/></summary>'
            f"<nodes>{nodes}</nodes><resources>{group}</resources>"
            f"<failures>{failures}</failures></pacemaker-result>"
        )

    def restore(self) -> None:
        """Bring the service back into the configuration."""
        self.configured = True


def _flag(value: bool) -> str:
    return str(value).lower()
