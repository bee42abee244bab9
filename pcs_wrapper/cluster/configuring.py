"""`takeover cluster configure`: have Corosync as a description says, while everything runs.

Corosync takes new times and links while it runs (corosync.conf(5); pcs(8), "cluster config update"
and "link"). A link is replaced only while another one connects all nodes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cib_templates.comparing.diff import ObjectDiff
from cib_templates.findings import Finding, error
from cib_templates.model.description import Description
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.judging import preconditions
from pcs_wrapper.change.looking import corosync as looking
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError, NotApplicable
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting, wait_until
from pcs_wrapper.pacemaker.corosync import (
    ClusterConfig,
    read_cluster_config,
    read_links,
    read_loaded,
)
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

NODE_ABSENT = error(
    "node-not-there", "Corosync's configuration is changed on every node, and one is not there."
)
LINK_DEAD = error("link-needed", "A link would be replaced while no other one connects all nodes.")

_LIMIT = 300.0
_CONNECTED = 60.0
_POLL = 1.0
# Corosync's limit (corosync.conf(5), "linknumber").
_MOST_LINKS = 8

#: The address of each node on one link, by the node's name.
Link = Mapping[str, str]


@dataclass(frozen=True)
class Planned:
    """A change of Corosync's configuration, before it is made.

    Attributes:
        differences: Where Corosync differs, with the described values as the old ones.
        steps: The steps that change it.
        obstacles: What is in the way.
        moved: The nodes whose first address changes, by which pcsd knows them: the new one.
    """

    differences: tuple[ObjectDiff, ...]
    steps: tuple[Step, ...]
    obstacles: tuple[Finding, ...] = ()
    moved: Mapping[str, str] | None = None


@dataclass(frozen=True)
class WaitForLink(Step):
    """Wait until a link connects this node with all others.

    Attributes:
        number: The link's number.
    """

    number: int
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {_CONNECTED:g} s until link {self.number} connects all nodes"

    def run(self, run: Run) -> None:
        """Wait for it."""
        with shown_as_waiting(run.machine, "Corosync connects the nodes"):
            dead = wait_until(
                run.machine, lambda: self._dead(run.machine), seconds=_CONNECTED, pause=_POLL
            )
        if dead:
            raise ClusterError(
                f"link {self.number} does not connect {dead} after {_CONNECTED:g} s; the other "
                "links do. Is the address on that node's interface, and is UDP port "
                f"{5405 + self.number} open? `corosync-cfgtool -s` shows the links; when it is "
                "repaired, run this again"
            )

    def _dead(self, machine: Machine) -> str:
        link = (read_links(machine) or {}).get(self.number)
        if link is None:
            return "any node"
        return ", ".join(f"node {node}" for node, connected in link.items() if not connected)


def prepare(machine: Machine, description: Description) -> Planned:
    """Find out what Corosync has otherwise than described, and how to change that.

    Args:
        machine: This machine.
        description: The description of the cluster.

    Raises:
        NotRoot: The user is not root.
        NotApplicable: It is the description of another cluster, or has other nodes.
        ClusterUnreachable: No cluster runs here.
        ProgramError: A program is missing or fails.
    """
    machine.require_root()
    machine.runner.require("pcs", "crm_mon", "corosync-cfgtool", "corosync-cmapctl")
    state, config = read_state(machine), read_cluster_config(machine.runner)
    preconditions.require(machine, preconditions.other_cluster(description, state, config))
    differences = looking.differences(description, config)
    loaded = read_loaded(machine, config)
    reload_ = loaded is not None and any(
        each.code == looking.NOT_LOADED.code
        for each in looking.findings(description, config, loaded)
    )
    links = _links(description, config, read_links(machine) or {})
    steps = (*_reload(needed=reload_), *_times(differences), *links.steps)
    return Planned(
        differences,
        steps,
        tuple(_obstacles(state, links)) if steps else (),
        {
            name: str(node.links[0])
            for name, node in description.nodes.items()
            if config.nodes.get(name, [""])[0] != str(node.links[0])
        },
    )


def _reload(*, needed: bool) -> Iterator[Step]:
    """Yield the step that loads what is written already."""
    if needed:
        command = ("pcs", "cluster", "reload", "corosync")
        yield RunProgram("loading what Corosync's configuration says already", command, _LIMIT)


def _times(differences: tuple[ObjectDiff, ...]) -> Iterator[Step]:
    """Yield the step that changes Corosync's times."""
    options = [
        f"{fact.name}={looking.number_of(fact.old)}"
        for each in differences
        if each.what == "corosync"
        for fact in each.attributes
    ]
    if options:
        yield RunProgram(
            f"changing Corosync's {', '.join(each.partition('=')[0] for each in options)}",
            ("pcs", "cluster", "config", "update", "totem", *options),
            _LIMIT,
            "Is pcsd running on every node?",
        )


@dataclass(frozen=True)
class _Links:
    """The steps that change links.

    Attributes:
        steps: The steps.
        kept: The numbers of the links that stay meanwhile.
        dead: Those of them that do not connect all nodes.
    """

    steps: tuple[Step, ...] = ()
    kept: tuple[int, ...] = ()
    dead: tuple[int, ...] = ()


def _links(
    description: Description, config: ClusterConfig, live: Mapping[int, Mapping[str, bool]]
) -> _Links:
    """Return the steps that replace, add or remove links, one after another."""
    described = [
        {name: str(node.links[at]) for name, node in description.nodes.items()}
        for at in range(min(len(node.links) for node in description.nodes.values()))
    ]
    numbers = sorted(live)
    present: dict[int, Link] = {
        number: {name: links[at] for name, links in config.nodes.items() if at < len(links)}
        for at, number in enumerate(numbers)
    }
    leaving = [number for number, link in present.items() if link not in described]
    coming = [link for link in described if link not in present.values()]
    if not (leaving or coming):
        return _Links()
    kept = [number for number in numbers if number not in leaving]
    free = [number for number in range(_MOST_LINKS) if number not in numbers]
    steps: list[Step] = []
    if not kept and coming and free:
        # The only link there is: its successor comes first.
        number, link = free[0], coming.pop(0)
        steps += [_added(number, link), WaitForLink(number)]
    for number in leaving:
        steps.append(_removed(number))
        if coming:
            steps += [_added(number, coming.pop(0)), WaitForLink(number)]
    for number, link in zip(free, coming, strict=False):
        steps += [_added(number, link), WaitForLink(number)]
    dead = [number for number in kept if not all(live[number].values())]
    return _Links(tuple(steps), tuple(kept), tuple(dead) if leaving else ())


def _added(number: int, link: Link) -> RunProgram:
    addresses = [f"{name}={address}" for name, address in link.items()]
    return RunProgram(
        f"adding link {number}: {', '.join(link.values())}",
        ("pcs", "cluster", "link", "add", *addresses, "options", f"linknumber={number}"),
        _LIMIT,
        "Has every node its address on an interface? The other links go on meanwhile",
    )


def _removed(number: int) -> RunProgram:
    return RunProgram(
        f"removing link {number}", ("pcs", "cluster", "link", "remove", str(number)), _LIMIT
    )


def _obstacles(state: ClusterState, links: _Links) -> Iterator[Finding]:
    absent = [node.name for node in state.nodes if not (node.online or node.remote)]
    if absent:
        yield NODE_ABSENT.at(
            tuple(absent),
            f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not there",
            "Wait for every node, then run this again",
        )
    if links.kept and len(links.dead) == len(links.kept):
        dead = ", ".join(map(str, links.dead))
        yield LINK_DEAD.at(
            (),
            f"link {dead} does not connect all nodes, and would be the only one meanwhile",
            "Repair it first: corosync-cfgtool -s",
        )


def configure(machine: Machine, planned: Planned) -> None:
    """Change Corosync's configuration. The lock must be held.

    Args:
        machine: This machine.
        planned: The change.

    Raises:
        NotApplicable: Something is in the way; nothing was changed.
        Interrupted: Somebody has interrupted it; the same command goes on.
        TakeoverError: A step has failed; the same command goes on.
    """
    if planned.obstacles:
        raise NotApplicable(planned.obstacles)
    go_on = "The same command goes on with what is missing"
    execute(planned.steps, Run(machine, go_on=go_on))


def known_by(moved: Mapping[str, str]) -> str:
    """Return the command by which pcsd is known at new addresses; empty if none has changed.

    Args:
        moved: The new first address of each node that has another one.
    """
    words = [word for name, address in moved.items() for word in (name, f"addr={address}")]
    return shlex.join(("pcs", "host", "auth", *words, "-u", "hacluster")) if words else ""
