"""What is asked of a node: what some resources shall have, beside what all others have.

The question is in the CIB while it is asked, and the answer in a private node attribute. Both are
JSON, and the question is packed: of a large cluster it would be longer than an argument may be.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib

from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import AgentError, Code
from ocf_agents.runtime.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ocf_agents.runtime.mountinfo import Mount

FILESYSTEMS = ("ocf:takeover:filesystem", "ocf:heartbeat:Filesystem")
ADDRESSES = ("ocf:takeover:ip", "ocf:heartbeat:IPaddr2", "ocf:heartbeat:IPaddr")
APPLICATIONS = ("ocf:takeover:app",)
UNITS = ("systemd", "service", "lsb", "upstart")
MOST = 16 << 20  # bytes of a question: of a thousand services it has a tenth of it


class Conflict:
    """Something that a resource shall have and somebody else has.

    Args:
        resource: The ID of the resource that shall have it.
        kind: What it is: disk, directory, address, port or unit.
        message: Who has it, in a clause.
        holder: The ID of the resource that has it; "" if it is no resource of the cluster.
    """

    def __init__(self, resource: Resource, kind: str, message: str, holder: str = "") -> None:
        self.resource = resource.id
        self.kind = kind
        self.message = message
        self.holder = holder


class Resource:
    """A resource, as the question has it.

    Args:
        values: Its part of the question.
        environ: The environment of the action.

    Attributes:
        id: Its ID.
        service: The ID of the outermost resource that it is in.
        agent: Its agent, such as ocf:takeover:ip or systemd:nginx.
        parameters: Its parameters.
        was: Its parameters before the change; None if it is a new resource.
        asked: Whether the question is about it.
        leaves: Whether the change removes it.
        nodes: The nodes that may run it.
        apart: The IDs of the outermost resources on whose node it never runs.
        beside: The IDs of the outermost resources on whose node alone it runs.
    """

    def __init__(self, values: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.id = str(values["id"])
        self.service = str(values["service"])
        self.agent = str(values["agent"])
        self.parameters: dict[str, str] = dict(values["parameters"])
        self.was: dict[str, str] | None = values.get("was")
        self.asked = bool(values.get("asked"))
        self.leaves = bool(values.get("leaves"))
        self.nodes = frozenset(map(str, values.get("nodes", ())))
        self.apart = frozenset(map(str, values.get("apart", ())))
        self.beside = frozenset(map(str, values.get("beside", ())))
        self._state = State(environ, self.id)
        self._remembered: dict[str, str] | None = None

    def remembered(self) -> dict[str, str]:
        """Return what its agent remembers on this node."""
        if self._remembered is None:
            try:
                self._remembered = self._state.read()
            except (OSError, ValueError):
                self._remembered = {}
        return self._remembered

    def has_mounted(self, mount: Mount) -> bool:
        """Tell whether its agent has made a mount, on this node."""
        known = self.remembered()
        if known.get("mounted") != mount.device:
            return False
        return known.get("id") == mount.id or (
            mountinfo.remembered(known.get("root", "")) == mount.root
            and mountinfo.remembered(known.get("point", "")) == mount.point
        )

    def is_rival_of(self, other: Resource) -> bool:
        """Tell whether what one of them has the other cannot have, too."""
        return self.service != other.service and not self.leaves and not other.leaves

    @property
    def state(self) -> State:
        """What its agent remembers."""
        return self._state

    def __str__(self) -> str:
        return self.id if self.service == self.id else f"{self.id} of {self.service}"


def unpacked(text: str, environ: Mapping[str, str]) -> list[Resource]:
    """Return the resources of a question.

    Raises:
        AgentError: It is no question (ERR_CONFIGURED).
    """
    try:
        unpacking = zlib.decompressobj()
        resources = json.loads(unpacking.decompress(base64.b64decode(text, validate=True), MOST))
        return [Resource(each, environ) for each in resources]
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError) as error:
        raise AgentError(f"this is no question: {error}", Code.ERR_CONFIGURED) from error
