"""The typed model of a cluster description (TOML, schema 1).

Each field's description says what a right value is: a mistake is reported with it.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from cib_templates.model.cluster import Cluster, Fencing, Fragment, Node, Quorum, Sbd
from cib_templates.model.fields import (
    Name,
    NodeName,
    Parameter,
    Schema,
)
from cib_templates.model.services import Service
from cib_templates.model.table import Table


def message_limit(message: timedelta) -> timedelta:
    """Return the least time that fencing by SBD may take: a fifth more than its message needs.

    Args:
        message: SBD's message_timeout.
    """
    return timedelta(seconds=math.ceil(1.2 * message.total_seconds()))


class Description(Table):
    """A whole cluster."""

    # Not named `schema`: pydantic's BaseModel has a deprecated method of that name.
    version: Schema = Field(alias="schema", description="schema = 1")
    cluster: Cluster = Field(description="a table: [cluster]")
    properties: dict[Name, Parameter] = Field(
        {}, description="Pacemaker's cluster properties: strings, integers, booleans"
    )
    # A cluster may begin with its first node.
    nodes: Annotated[dict[NodeName, Node], Field(min_length=1)] = Field(
        description="a table for each node: [nodes.NAME]"
    )
    quorum: Quorum | None = Field(None, description="a table: [quorum.device]")
    sbd: Sbd | None = Field(None, description="a table: [sbd]")
    fencing: dict[Name, Fencing] = Field(
        {}, description="a table for each fencing device: [fencing.NAME]"
    )
    services: dict[Name, Service] = Field(
        {}, description="a table for each service: [services.NAME]"
    )
    fragments: list[Fragment] = Field([], description="an array of tables: [[fragments]]")

    @model_validator(mode="after")
    def _a_service_without_nodes_has_all(self) -> Self:
        for name, service in self.services.items():
            if not service.nodes:
                nodes = [node for node in self.nodes if node not in service.never_on]
                self.services[name] = service.model_copy(update={"nodes": nodes})
        return self

    @model_validator(mode="after")
    def _fence_sbd_waits_for_its_message(self) -> Self:
        if self.sbd is None:
            return self
        least = message_limit(self.sbd.dead_after(self.quorum))
        for name, device in self.fencing.items():
            if device.writes_to_sbd and "timeout" not in device.model_fields_set:
                timeout = max(device.timeout, least)
                self.fencing[name] = device.model_copy(update={"timeout": timeout})
        return self

    def fenced_by(self, device: str) -> list[str]:
        """Return the nodes that a fencing device can fence; all, unless the device says which."""
        fencing = self.fencing[device]
        if fencing.nodes is not None:
            return fencing.nodes
        return list(fencing.plugs if fencing.plugs is not None else self.nodes)
