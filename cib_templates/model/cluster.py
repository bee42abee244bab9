"""The tables of a description that say what the cluster is made of: nodes, fencing, quorum.

Each field's description says what a right value is: a mistake is reported with it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cib_templates.cib import ids
from cib_templates.model.fields import (
    AbsolutePath,
    Delay,
    HostName,
    Ip,
    Milliseconds,
    Name,
    Parameter,
    ResourceId,
    Seconds,
    Text,
    Token,
    Utilization,
)
from cib_templates.model.table import Table


class Cluster(Table):
    """What Corosync knows of the cluster as a whole (corosync.conf(5), "totem")."""

    # 32 characters of these are what pcs takes without --force (the limit is GFS2's). With a
    # hyphen before them it would take them for an option.
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,31}$")] = Field(
        description="1 to 32 letters, digits, - and _, of which the first is no -"
    )
    # Corosync's own default since 3.0 (corosync.conf(5), "token").
    token: Token = Field(timedelta(seconds=3), description='a duration such as "1000ms"')
    token_coefficient: Milliseconds | None = Field(
        None, description='the time that each node beyond two adds to token, such as "650ms"'
    )
    consensus: Milliseconds | None = Field(
        None, description='a duration of at least 1.2 times token, such as "1200ms"'
    )
    join: Milliseconds | None = Field(None, description='a duration such as "50ms"')
    # Of two nodes that lose each other, the one that serves fences first.
    fencing_delay: Delay | None = Field(
        None,
        description='the time by which fencing the node that serves is delayed, such as "10s"; '
        '"0s" for none',
    )
    # A fenced node that rejoins gives back redundancy; fencing and quorum make that safe.
    start_at_boot: bool = Field(True, description="true or false")


class Node(Table):
    """A cluster node."""

    links: Annotated[list[Ip], Field(min_length=1, max_length=8)] = Field(
        description="1 to 8 IP addresses, one for each Corosync link"
    )
    # Pacemaker tries levels 1 to 9 (Pacemaker Explained, "Fencing Topologies").
    fencing_levels: Annotated[
        list[Annotated[list[Name], Field(min_length=1)]], Field(max_length=9)
    ] = Field([], description='up to 9 lists of fencing devices, such as [["ipmi1"], ["pdu"]]')
    utilization: Utilization = Field(
        {}, description="what the node has, in whole numbers: { memory = 65536 }"
    )
    attributes: dict[Name, Parameter] = Field(
        {}, description="node attributes: strings, integers, booleans"
    )
    standby: bool | None = Field(None, description="true or false")
    maintenance: bool | None = Field(None, description="true or false")


class Fencing(Table):
    """A fencing device (Pacemaker Explained, "Fencing")."""

    agent: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")] = Field(
        description='a fence agent such as "fence_ipmilan"'
    )
    id: ResourceId | None = Field(
        None, description="the resource's ID in the CIB, if it has one already"
    )
    nodes: list[str] | None = Field(None, description="names of the nodes that it can fence")
    plugs: dict[str, Annotated[Text, StringConstraints(pattern=r"^[^;:,=\s]+$")]] | None = Field(
        None, description="the device's name for each node, without spaces and any of ; : , ="
    )
    parameters: dict[Name, Parameter] = Field(
        {}, description="the fence agent's parameters: strings, integers, booleans"
    )
    timeout: Seconds = Field(timedelta(seconds=60), description='a duration such as "60s"')

    @property
    def writes_to_sbd(self) -> bool:
        """Whether it fences by messages on SBD's disks."""
        return self.agent in ("fence_sbd", "external/sbd")

    def resource_id(self, name: str) -> str:
        """Return the ID of its resource; `name` is what the description calls it."""
        return self.id or ids.fencing_id(name)


class QuorumDevice(Table):
    """A host outside of the cluster that decides between two halves (corosync-qdevice(8))."""

    host: HostName = Field(description="name of a host that runs corosync-qnetd")
    algorithm: Literal["ffsplit", "lms"] = Field("ffsplit", description='"ffsplit" or "lms"')
    # Corosync's own defaults (corosync.conf(5), "quorum", "device").
    timeout: Seconds = Field(
        timedelta(seconds=10),
        description='the time in which the nodes and the host hear of each other, such as "10s"',
    )
    sync_timeout: Seconds = Field(
        timedelta(seconds=30),
        description="the time for which nodes wait for the host's vote when a node is lost, such "
        'as "30s"',
    )


class Quorum(Table):
    """Who has quorum, beyond the count of nodes."""

    device: QuorumDevice = Field(description="a table: [quorum.device]")


# From the time at which the quorum device's vote is there at the latest to that at which SBD has
# noticed it: what crmsh adds.
_NOTICED = timedelta(seconds=5)


class Sbd(Table):
    """SBD: nodes that end themselves when they lose the disk, or the cluster (sbd(8))."""

    devices: Annotated[list[AbsolutePath], Field(max_length=3)] = Field(
        [], description='up to 3 shared disks such as "/dev/disk/by-id/…"; none for watchdog alone'
    )
    watchdog: AbsolutePath = Field(
        "/dev/watchdog", description='a watchdog device such as "/dev/watchdog"'
    )
    watchdog_timeout: Seconds | None = Field(
        None, description='the time that the watchdog waits, such as "5s"'
    )
    # Twice the watchdog's time is sbd(8)'s own rule ("msgwait").
    message_timeout: Seconds | None = Field(
        None, description='at least twice watchdog_timeout, such as "10s"'
    )

    def least_watchdog(self, quorum: Quorum | None) -> timedelta:
        """Return the shortest time that the watchdog may wait beside a quorum device; 0 without.

        Without a disk, a node ends itself when it has no quorum. While Corosync waits for the
        quorum device's vote (`sync_timeout`), SBD takes the node for one without.
        """
        if quorum is None or self.devices:
            return timedelta()
        return quorum.device.sync_timeout + _NOTICED

    def watchdog_wait(self, quorum: Quorum | None) -> timedelta:
        """Return the time that the watchdog waits: what is set, or else what is right."""
        return self.watchdog_timeout or max(timedelta(seconds=5), self.least_watchdog(quorum))

    def dead_after(self, quorum: Quorum | None) -> timedelta:
        """Return the time after which a message on the disks, or the watchdog, has worked."""
        return self.message_timeout or 2 * self.watchdog_wait(quorum)


class Fragment(Table):
    """A part of a CIB, for what a description has no words for."""

    file: Text | None = Field(
        None, description="path of an XML file, relative to the description's folder"
    )
    xml: str | None = Field(None, description="a section of a CIB as XML text")
