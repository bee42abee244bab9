"""What somebody has said of the cluster that begins, by options or in answers, as it was typed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Given:
    """What was said; None of what nobody has said anything, and empty for "there is none".

    Attributes:
        name: The cluster's name.
        nodes: The other nodes: `NAME`, or `NAME=ADDRESS,ADDRESS`.
        links: The networks of the links, or the interfaces.
        fencing: The fencing devices: `AGENT KEY=VALUE…`, or `NODE:AGENT KEY=VALUE…`.
        plugs: What the fencing device calls the nodes: `NODE=PLUG`.
        sbd: SBD's disks.
        watchdog: The watchdog for SBD.
        witness: The host of the quorum device.
        service: The service's name.
        disk: Its disk: a device, or the portal of an iSCSI target.
        target: The iSCSI target.
        lun: The number of the LUN.
        attach: The program that attaches the LUN instead of open-iscsi.
        directory: Where the disk is mounted.
        filesystem: The type of the filesystem.
        unit: The unit that runs.
        command: The command that runs, as one would type it.
        user: The user that runs the command.
        ready: The check that shows when the command serves.
        health: The check that each monitor makes.
        address: The address of the clients, with or without a prefix length.
    """

    name: str | None = None
    nodes: tuple[str, ...] | None = None
    links: tuple[str, ...] | None = None
    fencing: tuple[str, ...] | None = None
    plugs: tuple[str, ...] | None = None
    sbd: tuple[str, ...] | None = None
    watchdog: str | None = None
    witness: str | None = None
    service: str | None = None
    disk: str | None = None
    target: str | None = None
    lun: int | None = None
    attach: str | None = None
    directory: str | None = None
    filesystem: str | None = None
    unit: str | None = None
    command: str | None = None
    user: str | None = None
    ready: str | None = None
    health: str | None = None
    address: str | None = None
