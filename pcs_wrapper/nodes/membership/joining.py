"""`takeover node add`: what it takes for a machine to become a node, before anything is changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from cib_templates.findings import Finding, error
from pcs_wrapper.change.looking.files import named_files
from pcs_wrapper.errors import ClusterError, NotAdded, NotApplicable, UsageError
from pcs_wrapper.health import condition, obstacles
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes.membership import newcomer
from pcs_wrapper.nodes.membership.described import Edit, addition_of, described_links
from pcs_wrapper.nodes.membership.newcomer import Host, Newcomer
from pcs_wrapper.nodes.running import leaving, pcsd
from pcs_wrapper.nodes.running.restarting import not_well
from pcs_wrapper.nodes.running.starting import members_of
from pcs_wrapper.pacemaker import cib, pauses, sbd, settling
from pcs_wrapper.pacemaker.corosync import (
    ClusterConfig,
    QuorumDevice,
    read_quorum_device,
)
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.pacemaker.votes import Votes

HAS_CONFIGURATION = error(
    "node-has-configuration",
    "A machine that is to become a node has the configuration of a cluster, which is only "
    "destroyed when that is asked for.",
)
WITNESS_IS_A_STRANGER = error(
    "witness-is-a-stranger",
    "This node is not authenticated to the witness, which has to give a new node its certificate.",
)

NEEDS_TIE_BREAKER = error(
    "sbd-needs-tie-breaker",
    "With SBD, without disks and with an even number of nodes, Corosync needs auto_tie_breaker or "
    "a witness, and auto_tie_breaker is only switched on while the cluster is off.",
)

_ASKING = 30.0
# The cluster need not be well for a node to come, which may be the cure. But nobody who must be
# fenced may be there: the membership changes.
_IN_THE_WAY = frozenset(
    each.code for each in (obstacles.NODE_UNCLEAN, obstacles.FENCING_FAILS, condition.FENCING_OFF)
)
_IMPOSSIBLE = frozenset(
    each.code
    for each in (
        *(pcsd.PCSD_SILENT, newcomer.LACKS_PACKAGES, newcomer.CANNOT_JOIN),
        *(HAS_CONFIGURATION, WITNESS_IS_A_STRANGER, NEEDS_TIE_BREAKER),
    )
)


@dataclass(frozen=True)
class Joining:
    """A machine that is to become a node, before anything is changed.

    Attributes:
        config: The configuration of the cluster.
        node: Its name.
        links: Its addresses, one for each link.
        is_member: Whether it is a member of the cluster now.
        is_configured: Whether it is in Corosync's configuration.
        is_held: Whether it is kept from running anything, as this command does that first.
        host: How its pcsd is reached; None if this node is not authenticated to it.
        has: What it has; None if this node is not authenticated to it, or it is a member.
        replaces: Whether the configuration that it has is destroyed.
        strangers: The cluster's nodes to which this one has to be authenticated.
        words: What pcs is told of it beside its addresses.
        files: The files that the configuration names, and that it needs, too.
        findings: What is in the way.
        edit: How the description is changed; None if no description was given.
        state: The state of the cluster.
        settling: The longest time that the cluster takes to settle, in seconds.
    """

    config: ClusterConfig
    node: str
    links: tuple[str, ...]
    is_member: bool
    is_configured: bool
    is_held: bool
    host: Host | None
    has: Newcomer | None
    replaces: bool
    strangers: tuple[str, ...]
    words: tuple[str, ...]
    files: tuple[str, ...]
    findings: tuple[Finding, ...]
    edit: Edit | None
    state: ClusterState
    settling: int

    @property
    def is_stranger(self) -> bool:
        """Whether this node has to be authenticated to it first."""
        return not self.is_member and self.has is None

    @property
    def is_complete(self) -> bool:
        """Whether it is a node already, and nothing is left to do in the cluster."""
        return self.is_member and not self.is_held


def prepare(
    machine: Machine,
    node: str,
    addresses: Sequence[str],
    file: Path | None,
    *,
    replace: bool,
    after: str = "",
) -> Joining:
    """Find out what a machine needs to become a node, and what is in the way; nothing is changed.

    Args:
        machine: This machine.
        node: Its name.
        addresses: Its addresses, one for each link; without any, those of the description.
        file: The description that is to have it; None if none is.
        replace: Whether the configuration of a cluster that it has is to be destroyed.
        after: The node that leaves the cluster before, whose name it may have; empty if none does.

    Raises:
        UsageError: Its addresses do not fit.
        ClusterError: It is a remote node, or a node whose cluster is off; its pcsd does not answer;
            or this machine belongs to no cluster.
        DescriptionError: The description has mistakes as it is.
        NotApplicable: This part of the cluster decides nothing.
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A program is missing, fails or hangs.
    """
    config = _without(pcsd.read_config(machine), after)
    machine.runner.require("cibadmin", "crm_diff", "systemctl")
    if node == machine.host:
        raise ClusterError(f"{node} is the node that this runs on, so it is a node already")
    state = read_explained_state(machine)
    undecided = obstacles.no_decision(state)
    if undecided is not None:
        raise NotApplicable([undecided.finding])
    described = () if file is None else described_links(file, node, config)
    links = _links(config, node, addresses, described)
    live = cib.query(machine)
    # What is known of the one that leaves is not known of the one that comes.
    is_new = node == after
    is_held = not is_new and is_kept(machine, live, node)
    is_configured = node in config.nodes
    is_member = not is_new and node in members_of(state)
    _require_new(state, node, is_configured=is_configured, is_begun=is_member or is_held)
    answers = pcsd.ask(machine, tuple(name for name in config.nodes if name != node))
    host = newcomer.known_host(machine, node)
    if host is not None and links[0] not in (address for address, _ in host.addresses):
        # What pcs knows by this name is another machine.
        host = None
    has = None if host is None or is_member else newcomer.look(machine, host)
    if has is not None and has.has_configuration and not is_configured:
        # The pcs of a command that was killed may go on, and give it to all nodes just now.
        config = _without(pcsd.read_config(machine), after)
        is_configured = node in config.nodes
    device = None
    if config.quorum_device is not None:
        device = read_quorum_device(machine.runner, machine.corosync_conf)
    uses_sbd = _is_enabled(machine, "sbd")
    sbd_words = _sbd_words(machine) if uses_sbd else ()
    found = [pcsd.silence(name) for name in answers.silent]
    found += [
        each
        for each in not_well(machine, state, live)
        if each.code in _IN_THE_WAY and (not after or after not in each.path)
    ]
    if not is_configured:
        if not is_held:
            # The pcs of an addition that was killed may be giving the new one to all nodes.
            found += pcsd.other_configurations(machine, answers.online)
        found += _without_quorum(_votes_without(state, after), node)
        found += _witness(machine, device)
        if uses_sbd and device is None and not any("device=" in each for each in sbd_words):
            found += _tie_breaker(state.votes, node, len(config.nodes) + 1)
    # What an interrupted addition has left on it is no old configuration.
    is_leftover = is_configured or (
        has is not None and (is_held or is_new) and has.cluster == config.name and not has.running
    )
    if has is not None and not is_leftover and not replace:
        found += _old_configuration(node, has)
    if has is not None and not is_configured:
        services = {"sbd": "sbd"} if uses_sbd else {}
        services |= {"qdevice": "corosync-qdevice"} if device is not None else {}
        members = _members(machine, answers.online)
        found += newcomer.misfits(node, has, members, live, services)
    return Joining(
        config,
        node,
        links,
        is_member,
        is_configured,
        is_held,
        host,
        has,
        has is not None and not is_configured and has.has_configuration,
        answers.strangers,
        (*sbd_words, *_at_boot(machine)),
        _files(machine, live),
        # One that is a node already is hurt by nothing more.
        () if is_member and not is_held else tuple(dict.fromkeys(found)),
        None if file is None else addition_of(file, node, links),
        state,
        settling.timeout_of(live),
    )


def is_kept(machine: Machine, live: etree._Element, node: str) -> bool:
    """Return whether a node is kept from running anything, as an addition does first.

    Args:
        machine: This machine.
        live: The live CIB.
        node: The node's name.
    """
    return pauses.pause_of(live, node, machine.now()) == pauses.Pause(keeps=True)


def _without(config: ClusterConfig, node: str) -> ClusterConfig:
    """Return the configuration as it is when a node has left."""
    left = {name: links for name, links in config.nodes.items() if name != node}
    return dataclasses.replace(config, nodes=left)


def _votes_without(state: ClusterState, node: str) -> Votes | None:
    """Return the votes as they are when a node has left."""
    found = next((each for each in state.nodes if each.name == node), None)
    if found is None or state.votes is None:
        return state.votes
    is_there = found.number in state.votes.members
    return dataclasses.replace(
        state.votes,
        expected=state.votes.expected - 1,
        total=state.votes.total - (1 if is_there else 0),
    )


def _links(
    config: ClusterConfig, node: str, addresses: Sequence[str], described: Sequence[str]
) -> tuple[str, ...]:
    """Return the addresses of the node, one for each link."""
    known = tuple(config.nodes.get(node, ()))
    links = tuple(addresses) or tuple(described) or known
    other, theirs = next((name, each) for name, each in config.nodes.items() if name != node)
    needs = f"one for each link, as {other} has {' and '.join(theirs)}"
    if not links:
        raise UsageError(
            f"which addresses does {node} have? Give {needs}: "
            f"{' '.join('--address ADDRESS' for _ in theirs)}"
        )
    if len(links) != len(theirs):
        raise UsageError(f"{node} has {len(links)} addresses here, and needs {needs}")
    for given, what in ((described, "the description"), (known, "Corosync's configuration")):
        if given and tuple(given) != links:
            raise UsageError(
                f"{node} has the addresses {', '.join(given)} in {what}, and not {', '.join(links)}"
            )
    for name, each in config.nodes.items():
        taken = [link for link in links if name != node and link in each]
        if taken:
            raise UsageError(f"{', '.join(taken)} is an address of {name}, not of {node}")
    return links


def _require_new(state: ClusterState, node: str, *, is_configured: bool, is_begun: bool) -> None:
    if any(each.name == node and each.remote for each in state.nodes):
        raise ClusterError(
            f"{node} is a remote or guest node, which is a resource of the cluster. To have it as "
            f"a full node, first: pcs cluster node remove-remote {node}, or remove-guest"
        )
    if is_configured and not is_begun:
        raise ClusterError(
            f"{node} is a node of the cluster already, and is off. To start it: takeover cluster "
            f"start {node}"
        )


def _members(machine: Machine, names: Sequence[str]) -> dict[str, Newcomer]:
    """Return what the cluster's own nodes have, as far as they say it."""
    found = {}
    for name in names:
        host = newcomer.known_host(machine, name)
        try:
            has = None if host is None else newcomer.look(machine, host, agents=False)
        except ClusterError:
            continue
        if has is not None:
            found[name] = has
    return found


def _without_quorum(votes: Votes | None, node: str) -> Iterator[Finding]:
    """Find that those who are there would not be enough, until the new node has joined."""
    if votes is None or votes.expected < 2:  # noqa: PLR2004 - of two nodes, one may be alone
        return
    needed = (votes.expected + 1) // 2 + 1
    if votes.total < needed:
        yield leaving.QUORUM_WOULD_GO.at(
            (node,),
            f"with {node} the cluster needs {needed} votes, and has {votes.total} until {node} has "
            "joined: all services would stop",
            "Bring the nodes back that are away, or remove those that are gone",
        )


def _witness(machine: Machine, device: QuorumDevice | None) -> Iterator[Finding]:
    if device is not None and newcomer.known_host(machine, device.host) is None:
        yield WITNESS_IS_A_STRANGER.at(
            (device.host,),
            f"this node is not authenticated to the witness {device.host}, which has to give the "
            "new node its certificate",
            f"Run: pcs host auth {device.host} -u hacluster",
        )


def _tie_breaker(votes: Votes | None, node: str, nodes: int) -> Iterator[Finding]:
    if nodes % 2 == 0 and (votes is None or "AutoTieBreaker" not in votes.flags):
        yield NEEDS_TIE_BREAKER.at(
            (node,),
            f"with {node} the cluster has {nodes} nodes, and SBD without disks: Corosync then "
            "needs a tie-breaker, which pcs switches on only while the cluster is off",
            "Add a witness first: takeover witness add HOST",
        )


def _old_configuration(node: str, has: Newcomer) -> Iterator[Finding]:
    if has.has_configuration or has.running:
        yield HAS_CONFIGURATION.at(
            (node,),
            f"{node} has {told(has)}",
            f"If nobody needs that any more: --replace destroys it on {node} first, as `pcs "
            "cluster destroy` does there",
        )


def told(has: Newcomer) -> str:
    """Return which configuration a machine has, in a clause.

    Args:
        has: What it has.
    """
    if has.cluster == "debian" and not has.running:
        return "the example cluster of Debian's package corosync"
    of = f"of the cluster {has.cluster}" if has.cluster else "of a cluster"
    nodes = f" ({', '.join(has.nodes)})" if has.nodes else ""
    verb = "runs" if len(has.running) == 1 else "run"
    runs = f", and {' and '.join(has.running)} {verb} there" if has.running else ""
    return f"the configuration {of}{nodes}{runs}"


def _is_enabled(machine: Machine, unit: str) -> bool:
    # It ends with another code for each of its other answers.
    asked = machine.runner.run("systemctl", "is-enabled", unit, timeout=_ASKING, ok=range(256))
    return asked.stdout.strip() == "enabled"


def _at_boot(machine: Machine) -> tuple[str, ...]:
    """Return what has the cluster start at boot there if it does here."""
    return ("--enable",) if _is_enabled(machine, "pacemaker") else ()


def _sbd_words(machine: Machine) -> tuple[str, ...]:
    """Return SBD's watchdog and disks, which are the same on every node."""
    for path in sbd.SETTINGS:
        file = machine.root / path.relative_to("/")
        if file.is_file():
            settings = sbd.parse_settings(file.read_text(errors="replace"))
            watchdog = settings.get("SBD_WATCHDOG_DEV", "")
            disks = (f"device={disk}" for disk in sbd.disks_of(settings))
            return (*((f"watchdog={watchdog}",) if watchdog else ()), *disks)
    return ()


def _files(machine: Machine, live: etree._Element) -> tuple[str, ...]:
    """Return the files that the configuration names and this node has."""
    return tuple(
        path for path in named_files(live).paths if (machine.root / path.lstrip("/")).is_file()
    )


def require(machine: Machine, planned: Joining, *, even_so: bool) -> None:
    """Refuse a node if something is in the way, or warn of it.

    Args:
        machine: This machine.
        planned: What is planned.
        even_so: Whether it is to be added all the same.

    Raises:
        NotAdded: Something is in the way; nothing was changed.
    """
    impossible = any(each.code in _IMPOSSIBLE for each in planned.findings)
    if impossible or (planned.findings and not even_so):
        raise NotAdded(planned.node, planned.findings, can_be_forced=not impossible)
    for each in planned.findings:
        machine.console.warning(str(each))
