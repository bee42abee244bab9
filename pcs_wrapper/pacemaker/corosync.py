"""Reading Corosync's configuration: the cluster's name, its timing, and the links of its nodes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from pcs_wrapper.errors import ClusterError, ProgramError
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.runner import Runner

_TIMEOUT = 120.0
_ASKING = 10.0
# Corosync's limit (corosync.conf(5), "linknumber").
_MOST_LINKS = 8
# Corosync's default since 3.0, in milliseconds (corosync.conf(5), "token").
_DEFAULT_TOKEN = 3000
# Corosync's default, in milliseconds (corosync.conf(5), "quorum", "device").
_DEFAULT_DEVICE_TIMEOUT = 10_000
#: Corosync's default (corosync.conf(5), "token_coefficient").
DEFAULT_COEFFICIENT = timedelta(milliseconds=650)
_MILLISECOND = timedelta(milliseconds=1)
_LINK = re.compile(r"LINK ID (\d+)")
_PEER = re.compile(r"nodeid:\s+(\d+):\s+(\S+)")
_SETTING = re.compile(r"(\S+) \(\w+\) = (.*)")


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

    @property
    def other_times(self) -> dict[str, timedelta]:
        """The times beside `token` that are not Corosync's defaults, by their names."""
        times = {} if self.consensus is None else {"consensus": self.consensus}
        if self.token_coefficient != DEFAULT_COEFFICIENT:
            times["token_coefficient"] = self.token_coefficient
        return times


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
                milliseconds=int(
                    totem.get("token_coefficient", DEFAULT_COEFFICIENT // _MILLISECOND)
                )
            ),
            consensus=None if consensus is None else timedelta(milliseconds=int(consensus)),
            quorum_device=_device_timeout(config.get("quorum_device")),
        )
    except (
        *(ValueError, KeyError, TypeError, AttributeError),
        *(OverflowError, RecursionError),
    ) as error:
        raise ClusterError(f"`pcs cluster config` printed no configuration: {error!r}") from None


@dataclass(frozen=True)
class QuorumDevice:
    """A quorum device of the model net.

    Attributes:
        host: The host on which its daemon runs.
        words: The arguments with which pcs adds it.
    """

    host: str
    words: tuple[str, ...]


def read_quorum_device(runner: Runner, file: Path) -> QuorumDevice | None:
    """Return the quorum device of a corosync.conf; None if it has none.

    Raises:
        ProgramError: pcs is missing or fails.
        ClusterError: The output of pcs is not a configuration.
    """
    command = ("pcs", "cluster", "config", "--output-format=json", "--corosync_conf", str(file))
    result = runner.run(*command, timeout=_TIMEOUT)
    try:
        device = json.loads(result.stdout).get("quorum_device")
        if device is None:
            return None
        # The votes of the device follow from its algorithm and the nodes; pcs takes none.
        groups = [
            (f"{name}={value}" for name, value in device[key].items() if name != "votes")
            for key in ("generic_options", "model_options", "heuristics_options")
        ]
        generic, model, heuristics = map(tuple, groups)
        words = (*generic, "model", device["model"], *model)
        words += ("heuristics", *heuristics) if heuristics else ()
        return QuorumDevice(device["model_options"]["host"], words)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClusterError(f"`pcs cluster config` printed no configuration: {error!r}") from None


def _device_timeout(device: dict[str, dict[str, str]] | None) -> timedelta | None:
    if device is None:
        return None
    options = device.get("generic_options", {})
    return timedelta(milliseconds=int(options.get("timeout", _DEFAULT_DEVICE_TIMEOUT)))


def read_links(machine: Machine) -> dict[int, dict[str, bool]] | None:
    """Return to which nodes this one is connected, by each of its Corosync links.

    Args:
        machine: This machine.

    Returns:
        For each link's number, the ID of every other node, and whether the link to it is
        connected; None if Corosync cannot be asked, because only root can.
    """
    command = ("corosync-cfgtool", "-s")
    text = _asked(machine, *command)
    if text is None:
        return None
    links: dict[int, dict[str, bool]] = {}
    link: dict[str, bool] = {}
    for line in text.splitlines():
        if found := _LINK.match(line.strip()):
            link = links.setdefault(int(found[1]), {})
        elif (found := _PEER.match(line.strip())) and found[2] != "localhost":
            link[found[1]] = found[2] == "connected"
    return links


def read_loaded(machine: Machine, config: ClusterConfig) -> ClusterConfig | None:
    """Return what Corosync has loaded of its configuration.

    Args:
        machine: This machine.
        config: The configuration in its file.

    Returns:
        That configuration with the values that Corosync has loaded; None if it cannot be asked.
    """
    text = _asked(machine, "corosync-cmapctl")
    if text is None:
        return None
    found_all = map(_SETTING.match, text.splitlines())
    settings = {found[1]: found[2] for found in found_all if found is not None}
    try:
        token = int(settings.get("totem.token", _DEFAULT_TOKEN))
    except ValueError:
        return None
    nodes: dict[str, list[str]] = {}
    for key, name in settings.items():
        if found := re.fullmatch(r"nodelist\.node\.(\d+)\.name", key):
            rings = (f"nodelist.node.{found[1]}.ring{link}_addr" for link in range(_MOST_LINKS))
            nodes[name] = [settings[ring] for ring in rings if ring in settings]
    return replace(config, token=timedelta(milliseconds=token), nodes=nodes)


def _asked(machine: Machine, *command: str) -> str | None:
    """Return what a program of Corosync's says; None if it cannot be asked."""
    if not machine.is_root or machine.runner.find(command[0]) is None:
        return None
    try:
        result = machine.runner.run(*command, timeout=_ASKING, ok=range(-64, 256))
    except ProgramError:
        return None
    # It also ends with 1 if a link is down.
    return result.stdout or None
