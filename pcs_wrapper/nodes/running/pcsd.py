"""Whether pcsd answers on nodes, which starts and stops the cluster there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cib_templates.findings import Finding, error
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.errors import ClusterError, UsageError
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_cluster_config

PCSD_SILENT = error(
    "pcsd-silent", "pcsd does not answer on a node: nothing can be started or stopped there."
)
CONFIGURATION_DIFFERS = error(
    "corosync-conf-differs",
    "Corosync's configuration file is another one on a node, which would not find the others, or "
    "would bring the old one back.",
)

# pcs asks all nodes at once, and waits up to 60 s for each.
_ASKING = 120.0
_AUTHENTICATING = 360.0
_READING = 70.0
_LINE = re.compile(r"^\s*(\S+): (Online|Offline|Unable to authenticate)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Answers:
    """What pcsd has answered on the nodes.

    Attributes:
        online: The nodes on which it obeys this one.
        strangers: Those on which it answers, but to which this node is not authenticated.
        silent: Those on which it does not answer.
    """

    online: tuple[str, ...]
    strangers: tuple[str, ...]
    silent: tuple[str, ...]


def read_config(machine: Machine) -> ClusterConfig:
    """Return the configuration of the cluster that this machine belongs to.

    Args:
        machine: This machine.

    Raises:
        ClusterError: It belongs to none.
        ProgramError: pcs is missing or fails.
    """
    machine.runner.require("pcs", "crm_mon", "crm_resource")
    if not machine.corosync_conf.exists():
        raise ClusterError(
            "this machine belongs to no cluster. Run this on one of the cluster's nodes; it need "
            "not run there: all nodes are reached by pcsd"
        )
    return read_cluster_config(machine.runner)


def chosen(config: ClusterConfig, names: Sequence[str]) -> tuple[str, ...]:
    """Return the nodes that are named, each once; all if none is.

    Args:
        config: The configuration of the cluster.
        names: The names.

    Raises:
        UsageError: The cluster has no such node.
    """
    unknown = [name for name in names if name not in config.nodes]
    if unknown:
        raise UsageError(
            f"the cluster {config.name} has no node {', '.join(unknown)}; its nodes are "
            f"{', '.join(config.nodes)}"
        )
    return tuple(dict.fromkeys(names)) or tuple(config.nodes)


def ask(machine: Machine, names: Sequence[str]) -> Answers:
    """Ask pcsd on nodes whether it obeys this one; nothing is changed.

    Args:
        machine: This machine.
        names: The names of the nodes.

    Raises:
        ProgramError: pcs is missing, fails or hangs.
    """
    if not names:
        return Answers((), (), ())
    with shown_as_waiting(machine, f"pcsd is asked on {', '.join(names)}"):
        # It ends with 2 if pcsd does not answer on one of them.
        result = machine.runner.run("pcs", "pcsd", "status", *names, timeout=_ASKING, ok=(0, 2))
    said = dict(_LINE.findall(result.stdout))
    answers = {name: said.get(name, "Offline") for name in names}
    return Answers(
        *(
            tuple(name for name in names if answers[name] == word)
            for word in ("Online", "Unable to authenticate", "Offline")
        )
    )


def silence(name: str) -> Finding:
    """Return that pcsd does not answer on a node."""
    return PCSD_SILENT.at(
        (name,),
        f"pcsd does not answer on {name}",
        "Is the machine on, can this one reach its TCP port 2224, and does pcsd run there "
        "(systemctl enable --now pcsd)?",
    )


def other_configurations(machine: Machine, names: Sequence[str]) -> tuple[Finding, ...]:
    """Find the nodes that have another corosync.conf than this one.

    Args:
        machine: This machine.
        names: The names of nodes on which pcsd obeys this one. Of one that does not tell its file
            nothing is said.

    Raises:
        ProgramError: pcs is missing or hangs.
    """
    own = machine.corosync_conf.read_text(errors="replace").strip()
    found = []
    for name in names:
        if name == machine.host:
            continue
        command = ("pcs", "cluster", "corosync", name)
        result = machine.runner.run(*command, timeout=_READING, ok=range(256))
        if result.exit_code == 0 and result.stdout.strip() != own:
            found.append(
                CONFIGURATION_DIFFERS.at(
                    (name,),
                    f"Corosync's configuration file on {name} is another one than on "
                    f"{machine.host}",
                    f"Look at it (pcs cluster corosync {name}); if {machine.host}'s is right, send "
                    "it to all nodes: pcs cluster sync corosync",
                )
            )
    return tuple(found)


def authentication(config: ClusterConfig, names: Sequence[str]) -> list[RunProgram]:
    """Return the step that authenticates this node to others; none if there are none.

    Args:
        config: The configuration of the cluster.
        names: The names of these nodes.
    """
    if not names:
        return []
    words = [word for name in names for word in (name, f"addr={config.nodes[name][0]}")]
    return [
        RunProgram(
            f"authenticating to pcsd on {', '.join(names)}: up to 60 s",
            ("pcs", "host", "auth", *words, "-u", "hacluster"),
            _AUTHENTICATING,
            "Nothing was started or stopped. If the password is wrong: it is that of the user "
            "hacluster on that node (passwd hacluster)",
            password=True,
        )
    ]
