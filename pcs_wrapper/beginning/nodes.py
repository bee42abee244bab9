"""The nodes of the cluster that begins, and the networks in which all of them are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pcs_wrapper.beginning.finding.found import Found
from pcs_wrapper.beginning.finding.network import Link, addresses, in_networks
from pcs_wrapper.beginning.given import Given
from pcs_wrapper.errors import UsageError
from pcs_wrapper.machine.machine import Machine

# Of corosync.conf(5), "linknumber".
_MOST_LINKS = 8
# The TCP port of pcsd.
_PCSD = 2224
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def cluster_name(found: Found) -> str:
    """Return a name for the cluster: that of this machine without its number."""
    return _NO_NAME.sub("-", found.host.rstrip("0123456789-")).strip("-")[:32] or "cluster"


def chosen_links(found: Found, given: Given) -> list[Link]:
    """Return the networks that were named, or all that were found.

    Raises:
        UsageError: This machine is in none, or not in one that was named.
    """
    if not found.links:
        raise UsageError(
            "no network interface of this machine is up and has an address: the nodes of a "
            "cluster need one to hear each other"
        )
    if not given.links:
        return list(found.links[:_MOST_LINKS])
    known = {word: each for each in found.links for word in (each.network, each.interface)}
    for word in given.links:
        if word not in known:
            raise UsageError(
                f"--link {word}: this machine has no such network; it has "
                + ", ".join(f"{each.network} ({each.interface})" for each in found.links)
            )
    return [known[word] for word in given.links]


def names_of(given: Given) -> list[str]:
    """Return the names of the other nodes."""
    return [each.partition("=")[0] for each in given.nodes or ()]


def addresses_of(machine: Machine, node: str, links: Sequence[Link]) -> dict[str, str]:
    """Return the addresses that another node has by its name, by their networks."""
    return in_networks(addresses(machine, node), links)


def nodes_and_links(
    machine: Machine, found: Found, given: Given
) -> tuple[dict[str, list[str]], tuple[Link, ...]]:
    """Return the nodes with their addresses, and the networks that these are in.

    Where nobody has said which networks are meant, those remain in which every node has a known
    address.

    Raises:
        UsageError: A node's addresses are not known, or a node has too few.
    """
    links = chosen_links(found, given)
    known: dict[str, dict[str, str]] = {found.host: {each.network: each.address for each in links}}
    for written in given.nodes or ():
        name, has_addresses, listed = written.partition("=")
        if name == found.host and not has_addresses:
            continue
        if has_addresses:
            known[name] = _by_network(listed.split(","), links)
            if listed.count(",") >= len(links):
                raise UsageError(
                    f"--node {written}: these are more addresses than there are links: "
                    f"{', '.join(each.network for each in links)}"
                )
        else:
            known[name] = addresses_of(machine, name, links)
            if not known[name]:
                raise UsageError(
                    f"--node {name}: this name has no address in a network of this machine "
                    f"({', '.join(each.network for each in links)}). Say what its addresses are: "
                    f"--node {name}=ADDRESS,ADDRESS"
                )
    common = [each for each in links if all(each.network in have for have in known.values())]
    if not common or (given.links and common != links):
        lacking = ", ".join(
            f"{name} in {each.network}"
            for each in links
            for name, have in known.items()
            if each.network not in have
        )
        raise UsageError(f"every node needs an address on every link; there is none of {lacking}")
    in_order = {name: [have[each.network] for each in common] for name, have in known.items()}
    return in_order, tuple(common)


def _by_network(listed: Sequence[str], links: Sequence[Link]) -> dict[str, str]:
    """Return addresses by the networks that they are in; by their order, if they are in none."""
    found = in_networks(listed, links)
    routed = [each for each in listed if each not in found.values()]
    free = [each.network for each in links if each.network not in found]
    return found | dict(zip(free, routed, strict=False))


def unreachable(machine: Machine, host: str, nodes: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the other nodes whose pcsd does not answer at any of their addresses.

    Args:
        machine: This machine.
        host: Its own name.
        nodes: All nodes with their addresses.
    """
    return [
        name
        for name, addresses in nodes.items()
        if name != host and not any(machine.listens(each, _PCSD) for each in addresses)
    ]
