"""What Corosync's configuration says of the cluster: its name, its token, its nodes' links."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.runner import Runner

_TIMEOUT = 120.0
# Corosync's own since 3.0 (corosync.conf(5), "token").
_DEFAULT_TOKEN = 3000
# corosync.conf(5), "token_coefficient".
_DEFAULT_COEFFICIENT = 650


@dataclass(frozen=True)
class ClusterConfig:
    """Corosync's configuration.

    Attributes:
        name: The cluster's name.
        token: After how long without its token a node is taken for lost.
        nodes: For each node, its addresses in the order of their links.
        token_coefficient: By how much each node above two lengthens the token.
        consensus: How long the others wait to agree on who is left; None for Corosync's default.
        quorum_device: Whether a host outside of the cluster decides between two halves.
    """

    name: str
    token: timedelta
    nodes: dict[str, list[str]]
    token_coefficient: timedelta = timedelta(milliseconds=650)
    consensus: timedelta | None = None
    quorum_device: bool = False


def read_cluster_config(runner: Runner, file: Path | None = None) -> ClusterConfig:
    """Ask pcs for Corosync's configuration.

    Args:
        runner: Runs pcs.
        file: A corosync.conf; this machine's if it is not given.

    Raises:
        ProgramError: pcs is missing or fails.
        ClusterError: What pcs gives is no configuration.
    """
    command = ["pcs", "cluster", "config", "--output-format=json"]
    if file is not None:
        command += ["--corosync_conf", str(file)]
    result = runner.run(*command, timeout=_TIMEOUT)
    try:
        config = json.loads(result.stdout)
        totem = config["totem_options"]
        consensus = totem.get("consensus")
        return ClusterConfig(
            name=config["cluster_name"],
            token=timedelta(milliseconds=int(totem.get("token", _DEFAULT_TOKEN))),
            nodes={
                node["name"]: [
                    address["addr"]
                    for address in sorted(node["addrs"], key=lambda address: int(address["link"]))
                ]
                for node in config["nodes"]
            },
            token_coefficient=timedelta(
                milliseconds=int(totem.get("token_coefficient", _DEFAULT_COEFFICIENT))
            ),
            consensus=None if consensus is None else timedelta(milliseconds=int(consensus)),
            quorum_device=config.get("quorum_device") is not None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClusterError(f"`pcs cluster config` gave no configuration: {error!r}") from None
