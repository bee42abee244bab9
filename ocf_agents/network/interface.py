"""Set a network interface up, and wait until it works."""

from __future__ import annotations

from ocf_agents.network import netlink
from ocf_agents.runtime.agent import Deadline

POLL = 0.02  # seconds


def set_up(link: netlink.Link, deadline: Deadline) -> netlink.Link:
    """Set a link up and return it, once it has a carrier or the time is over.

    Raises:
        OSError: The kernel refuses it.
    """
    netlink.set_up(link.index)
    link = netlink.link(link.index)
    while link.down and deadline.pause(POLL):
        link = netlink.link(link.index)
    return link
