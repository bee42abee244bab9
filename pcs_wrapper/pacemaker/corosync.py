"""Reading Corosync's configuration: the cluster's name, its timing, and the links of its nodes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.runner import Runner

_TIMEOUT = 120.0
# Corosync's default since 3.0, in milliseconds (corosync.conf(5), "token").
_DEFAULT_TOKEN = 3000
# Corosync's default, in milliseconds (corosync.conf(5), "token_coefficient").
_DEFAULT_COEFFICIENT = 650
# Corosync's default, in milliseconds (corosync.conf(5), "quorum", "device").
_DEFAULT_DEVICE_TIMEOUT = 10_000


@dataclass(frozen=True)
class ClusterConfig:
    """Corosync's configuration.

    Attributes:
        name: The cluster's name.
        token: The time without a token after which a node is declared lost.
        nodes: The addresses of each node, in the order of their links.
        token_coefficient: The time that each node above two adds to the token timeout.
        consensus: The time for which the other nodes wait to agree on the new membership; None for
            Corosync's default.
        quorum_device: The quorum device's timeout; None if the cluster has no such device.
    """

    name: str
    token: timedelta
    nodes: dict[str, list[str]]
    token_coefficient: timedelta = timedelta(milliseconds=650)
    consensus: timedelta | None = None
    quorum_device: timedelta | None = None


def read_cluster_config(runner: Runner, file: Path | None = None) -> ClusterConfig:
    """Ask pcs for Corosync's configuration.

    Args:
        runner: The runner for pcs.
        file: A corosync.conf; None for that of this machine.

    Raises:
        ProgramError: pcs is missing or fails.
        ClusterError: The output of pcs is not a configuration.
    """
    command = ["pcs", "cluster", "config", "--output-format=json"]
    if file is not None:
        command += ["--corosync_conf", str(file)]
    result = runner.run(*command, timeout=_TIMEOUT)
    try:
        config = json.loads(result.stdout)
        totem = config["totem_options"]
        names = [config["cluster_name"], *(node["name"] for node in config["nodes"])]
        names += [address["addr"] for node in config["nodes"] for address in node["addrs"]]
        if not all(isinstance(name, str) for name in names):
            raise TypeError("a name or an address is no text")
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
            quorum_device=_device_timeout(config.get("quorum_device")),
        )
    except (
        *(ValueError, KeyError, TypeError, AttributeError),
        *(OverflowError, RecursionError),
    ) as error:
        raise ClusterError(f"`pcs cluster config` printed no configuration: {error!r}") from None


def _device_timeout(device: dict[str, dict[str, str]] | None) -> timedelta | None:
    if device is None:
        return None
    options = device.get("generic_options", {})
    return timedelta(milliseconds=int(options.get("timeout", _DEFAULT_DEVICE_TIMEOUT)))
