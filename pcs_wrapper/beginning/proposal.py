"""What is to be described: what was said, and for the rest what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pcs_wrapper.beginning.finding.network import Link

Value = str | int | list[str] | dict[str, str]
Table = Mapping[str, Value]


@dataclass(frozen=True)
class Device:
    """A fencing device.

    Attributes:
        name: Its name in the description.
        table: Its table.
        about: What the agent is, in its own words; may be empty.
    """

    name: str
    table: Table
    about: str = ""


@dataclass(frozen=True)
class Service:
    """A service.

    Attributes:
        name: Its name.
        parts: The tables of its parts, by their kinds.
    """

    name: str
    parts: Mapping[str, Table]


@dataclass(frozen=True)
class Proposal:
    """What is to be described.

    Attributes:
        name: The cluster's name.
        links: The networks of the links, as this machine is in them.
        nodes: The nodes, each with its addresses in these networks.
        devices: The fencing devices.
        sbd: SBD's table; None without SBD.
        witness: The host of the quorum device; empty without one.
        service: The service; None if there is none yet.
    """

    name: str
    links: tuple[Link, ...]
    nodes: Mapping[str, list[str]]
    devices: tuple[Device, ...] = ()
    sbd: Table | None = None
    witness: str = ""
    service: Service | None = None
