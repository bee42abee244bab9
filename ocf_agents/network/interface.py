"""Set a network interface up, and wait until it works.

With pyroute2: this is asked for rarely, and a link takes longer to come up than pyroute2 to load.
What every start and stop does has messages of its own (address.py).
"""

from __future__ import annotations

import os

from ocf_agents.network import netlink
from ocf_agents.runtime.agent import Deadline

POLL = 0.02  # seconds


def set_up(link: netlink.Link, deadline: Deadline) -> netlink.Link:
    """Set a link up and return it, once it has a carrier or the time is over.

    Raises:
        OSError: The kernel refuses it.
    """
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as routes:
            routes.link("set", index=link.index, state="up")
    except NetlinkError as error:
        raise OSError(error.code, os.strerror(error.code)) from error
    link = netlink.link(link.index)
    while link.down and deadline.pause(POLL):
        link = netlink.link(link.index)
    return link
