"""The JSON outputs of `takeover init` and of `takeover service prepare`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.findings import Finding


class FoundLink(Record):
    """A network that the machine is in."""

    interface: str = Field(description="The interface.")
    address: str = Field(description="The machine's address in it.")
    network: str = Field(description="The network, with its prefix length.")
    leased: bool = Field(description="Whether the address is only lent, by DHCP for example.")


class FoundDisk(Record):
    """A disk that nobody uses on the machine."""

    path: str = Field(description="The name by which every node knows it.")
    kernel: str = Field(description="The name that it has on this machine.")
    size: int = Field(description="Its size in bytes.")
    filesystem: str = Field(description="The type of the filesystem on it; empty without one.")
    about: str = Field(description="What it is, such as its model.")
    shared: bool = Field(
        description="Whether it comes over a network of disks, so that other nodes can have it."
    )


class FoundLun(Record):
    """An iSCSI LUN that the machine is logged in to."""

    portal: str = Field(description="The portal.")
    target: str = Field(description="The target's name.")
    number: int = Field(description="The number of the LUN.")


class FoundWatchdog(Record):
    """A watchdog."""

    path: str = Field(description="Its device.")
    identity: str = Field(description="What its driver calls it.")
    software: bool = Field(description="Whether it is only a timer of the kernel's.")


class FoundUnit(Record):
    """A unit of systemd that runs, and is not the system's own."""

    name: str = Field(description="Its name.")
    about: str = Field(description="What it is, in its own words.")


class Found(Record):
    """What the machine has for a cluster."""

    host: str = Field(description="The machine's name.")
    links: Sequence[FoundLink] = Field(description="The networks that it is in.")
    disks: Sequence[FoundDisk] = Field(description="The disks that nobody uses.")
    luns: Sequence[FoundLun] = Field(description="The iSCSI LUNs that it is logged in to.")
    watchdogs: Sequence[FoundWatchdog] = Field(description="The watchdogs, real ones first.")
    fence_agents: Sequence[str] = Field(description="The fence agents that are installed.")
    fence_agent: str = Field(
        description="The fence agent that fits the machine; empty if none is known to."
    )
    fence_agent_why: str = Field(description="Why it fits; may be empty.")
    units: Sequence[FoundUnit] = Field(description="The applications that run.")


class Init(Output):
    """The description with which a cluster begins, and what was found for it."""

    file: str = Field(description="The file.")
    written: bool = Field(description="Whether the file was written; not with --dry-run.")
    description: str = Field(description="The description, as TOML.")
    warnings: Sequence[Finding] = Field(
        description="What is allowed in the description, but seldom meant."
    )
    found: Found = Field(description="What was found on this machine.")


class Prepared(Output):
    """A service's disk that was prepared, or with `--dry-run` is going to be."""

    service: str = Field(description="The service's name.")
    disk: str = Field(description="The disk as the description has it.")
    device: str = Field(description="Its name on this machine; empty with `--dry-run`.")
    filesystem: str = Field(description="The type of its filesystem.")
    directory: str = Field(description="Where the cluster mounts it.")
    owner: str = Field(description="The user that it belongs to.")
    command: Sequence[str] = Field(description="The command that was run in it; may be empty.")
    steps: Sequence[Step] = Field(description="The steps of a `--dry-run`; empty otherwise.")
