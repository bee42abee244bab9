"""The tables of a description that say what a service is made of.

Each field's description says what a right value is: a mistake is reported with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from cib_templates.cib import ids
from cib_templates.model.fields import (
    AbsolutePath,
    Check,
    Command,
    Directory,
    Ip,
    Name,
    Parameter,
    Portal,
    ReadyCheck,
    ReloadSignal,
    ResourceId,
    Score,
    Seconds,
    StopSignal,
    Text,
    Utilization,
)
from cib_templates.model.table import Table

Kind = Literal["filesystem", "app", "address"]
Pattern = Literal["standby", "mutual", "spare", "mirror", "everywhere"]


class Part(Table):
    """A part of a service: one Pacemaker resource."""

    name: Name | None = Field(None, description="letters, digits, - and _")
    id: ResourceId | None = Field(
        None, description="the resource's ID in the CIB, if it has one already"
    )
    monitor: Seconds | None = Field(None, description='an interval such as "10s"')
    timeout: Seconds | None = Field(
        None, description='the time that start and stop may take, such as "60s"'
    )
    monitor_timeout: Seconds | None = Field(
        None, description='the time that a monitor may take, such as "30s"'
    )
    parameters: dict[Name, Parameter] = Field(
        {}, description="the agent's parameters: strings, integers, booleans"
    )
    meta: dict[Name, Parameter] = Field(
        {}, description="Pacemaker's meta attributes of the resource"
    )
    utilization: Utilization = Field(
        {}, description="what it needs of a node, in whole numbers: { memory = 4096 }"
    )

    def resource_id(self, service: str, kind: Kind) -> str:
        """Return the ID of its resource.

        Args:
            service: The name of the service that it is a part of.
            kind: Its kind.
        """
        return self.id or ids.part_id(service, kind, self.name)


class Filesystem(Part):
    """A filesystem on a shared disk: a device, or an iSCSI LUN."""

    directory: Directory = Field(description='a mount point such as "/srv/shop"')
    device: Text | None = Field(None, description='a block device such as "/dev/disk/by-id/…"')
    portal: Portal | None = Field(None, description='an iSCSI portal such as "203.0.113.129:3260"')
    target: Annotated[Text, StringConstraints(pattern=r"^(iqn|eui|naa)\.\S+$")] | None = Field(
        None, description='an iSCSI name such as "iqn.2026-11.example.com:shop"'
    )
    lun: Annotated[int, Field(ge=0, le=16383)] | None = Field(
        None, description="a logical unit number, 0 to 16383"
    )
    attach: AbsolutePath | None = Field(
        None, description="absolute path of a program that attaches the LUN"
    )
    type: Text | None = Field(None, description='a filesystem type such as "ext4"')
    options: Text | None = Field(None, description='mount options such as "noatime"')
    reservation: bool | None = Field(None, description="true or false")
    chap_user: Text | None = Field(None, description="the user that logs in to the iSCSI target")
    chap_secret_file: AbsolutePath | None = Field(
        None, description="absolute path of a file of mode 0600 with the CHAP secret"
    )


class App(Part):
    """The application: a command, or any other resource agent."""

    command: Command | None = Field(
        None, description='program and arguments: ["/usr/bin/program", "argument"]'
    )
    user: Text | None = Field(None, description="name of the user that runs the command")
    workdir: AbsolutePath | None = Field(None, description="an absolute path")
    environment_file: Text | None = Field(
        None, description='a file with variables such as "/etc/default/shop"'
    )
    limits: Text | None = Field(None, description='resource limits such as "nofile=65536"')
    stop_signal: StopSignal | None = Field(None, description='a signal such as "TERM"')
    stop_timeout: Seconds | None = Field(
        None, description='the time from stop_signal to KILL, such as "60s"'
    )
    reload_signal: ReloadSignal | None = Field(None, description='a signal such as "HUP"')
    ready: ReadyCheck | None = Field(
        None,
        description='"tcp:HOST:PORT", "http://HOST:PORT/PATH", "command:/absolute/path ARGUMENT…" '
        'or "notify"',
    )
    ready_timeout: Seconds | None = Field(
        None, description='the time that it may take to become ready, such as "30s"'
    )
    health: Check | None = Field(
        None,
        description='"tcp:HOST:PORT", "http://HOST:PORT/PATH" or '
        '"command:/absolute/path ARGUMENT…"',
    )
    health_timeout: Seconds | None = Field(
        None, description='the time that a health check may take, such as "10s"'
    )
    agent: (
        Annotated[
            str,
            StringConstraints(
                # As files and units are called: no folder above, no option, nothing unprintable.
                pattern=r"^(ocf:\w[\w.-]*:\w[\w.-]*|(systemd|service|lsb):\w[\w:.@\\-]*)$",
            ),
        ]
        | None
    ) = Field(None, description='a resource agent: "systemd:NAME" or "ocf:PROVIDER:NAME"')


class Address(Part):
    """A floating IP address that clients know."""

    ip: Ip = Field(description='an address without prefix length, such as "198.51.100.100"')
    prefix: Annotated[int, Field(ge=1, le=128)] | None = Field(
        None, description="the prefix length: 1 to 32 for IPv4, 1 to 128 for IPv6"
    )
    # 15 characters: IFNAMSIZ of linux/if.h without the terminating zero.
    interface: Annotated[Text, StringConstraints(pattern=r"^[^\s/:]{1,15}$")] | None = Field(
        None, description='a network interface such as "eth0"'
    )


def _one_or_several(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class Mirror(Table):
    """A disk of each node, kept the same by DRBD (drbd.conf(5))."""

    resource: Annotated[Text, StringConstraints(pattern=r"^[^\s/-][^\s/]*$")] = Field(
        description='name of the DRBD resource such as "shop"'
    )
    device: AbsolutePath = Field(description='its block device such as "/dev/drbd0"')
    monitor: Seconds | None = Field(None, description='an interval such as "20s"')


class Service(Table):
    """An application, the filesystem with its data and the address of its clients."""

    pattern: Pattern = Field(
        description='"standby", "mutual", "spare", "mirror" or "everywhere"',
    )
    # A service without it may run on every node: Description puts them in.
    nodes: Annotated[list[str], Field(min_length=1)] = Field(
        [], description="names of nodes, the preferred one first"
    )
    never_on: list[str] = Field([], description="names of nodes that may not run it")
    preferences: dict[str, Score] = Field(
        {}, description="a score for each of some nodes, -999999 to 999999: { node1 = 200 }"
    )
    after: list[str] = Field([], description="names of services that start before it")
    together_with: list[str] = Field(
        [], alias="with", description="names of services on whose node it runs"
    )
    apart_from: list[str] = Field([], description="names of services on whose node it never runs")
    enabled: bool | None = Field(None, description="true or false")
    maintenance: bool | None = Field(None, description="true or false")
    failback: bool = Field(False, description="true or false")
    stickiness: Annotated[int, Field(ge=0, le=999_999)] | None = Field(
        None, description="a score, 0 to 999999"
    )
    migration_threshold: Annotated[int, Field(ge=0, le=999_999)] | None = Field(
        None, description="a number of failures; 0 for never"
    )
    failure_timeout: Seconds | None = Field(None, description='a duration such as "600s"')
    priority: Score | None = Field(None, description="a whole number, -999999 to 999999")
    budget: Seconds | None = Field(
        None, description='the time that clients may have to wait after a failure, such as "30s"'
    )
    utilization: Utilization = Field(
        {}, description="what it needs of a node, in whole numbers: { memory = 4096 }"
    )
    start_order: list[Kind] = Field(
        ["filesystem", "app", "address"],
        description='"filesystem", "app" and "address", each once',
    )
    mirror: Mirror | None = Field(None, description="a table: resource and device")
    filesystem: Annotated[
        list[Filesystem],
        BeforeValidator(_one_or_several, json_schema_input_type=Filesystem | list[Filesystem]),
    ] = Field([], description="a table, or an array of tables")
    app: Annotated[
        list[App], BeforeValidator(_one_or_several, json_schema_input_type=App | list[App])
    ] = Field([], description="a table, or an array of tables")
    address: Annotated[
        list[Address],
        BeforeValidator(_one_or_several, json_schema_input_type=Address | list[Address]),
    ] = Field([], description="a table, or an array of tables")

    def parts(self) -> list[tuple[Kind, Part]]:
        """Return the parts in the order in which they start."""
        by_kind: dict[Kind, list[Part]] = {
            "filesystem": [*self.filesystem],
            "app": [*self.app],
            "address": [*self.address],
        }
        return [(kind, part) for kind in self.start_order for part in by_kind[kind]]

    def is_one_resource(self, name: str) -> bool:
        """Return whether it is a single resource without a group: its only part has its name as ID.

        Args:
            name: The service's name.
        """
        parts = self.parts()
        return len(parts) == 1 and parts[0][1].id == name and self.pattern != "everywhere"

    def numbered_parts(self) -> Iterator[tuple[Kind, int, Filesystem | App | Address]]:
        """Yield each part with its kind and its place among the tables of that kind."""
        for index, filesystem in enumerate(self.filesystem):
            yield "filesystem", index, filesystem
        for index, app in enumerate(self.app):
            yield "app", index, app
        for index, address in enumerate(self.address):
            yield "address", index, address
