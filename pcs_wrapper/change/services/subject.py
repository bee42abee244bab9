"""What a command about one service is about: the service, or some of its parts."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from pcs_wrapper.errors import UsageError
from pcs_wrapper.health import diagnosis
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Part

_CLONES = ("clone", "master", "bundle")


@dataclass(frozen=True)
class Seen:
    """The cluster as it is before a command.

    Attributes:
        machine: This machine.
        state: The state of the cluster.
        live: The live CIB.
    """

    machine: Machine
    state: ClusterState
    live: etree._Element


@dataclass(frozen=True)
class Subject:
    """A service, or some of its parts.

    Attributes:
        service: The service as it is.
        element: Its outermost resource in the live CIB.
        ids: The IDs of the resources that the command is about: that of the service, or of parts.
    """

    service: diagnosis.Service
    element: etree._Element
    ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.id

    @property
    def words(self) -> str:
        """What it is about, such as `shop`, or `shop-app of shop`."""
        return self.name if self.is_whole else f"{', '.join(self.ids)} of {self.name}"

    @property
    def is_whole(self) -> bool:
        """Whether it is about the whole service."""
        return self.ids == (self.name,)

    @property
    def is_clone(self) -> bool:
        """Whether the service runs on several nodes at once."""
        return self.element.tag in _CLONES

    @property
    def parts(self) -> tuple[Part, ...]:
        """The primitives that the command is about, in the order in which they start."""
        return self.parts_in(self.service)

    def parts_in(self, service: diagnosis.Service) -> tuple[Part, ...]:
        """Return the same parts of the service as it is at another time.

        Of a clone's copies, those that run: there are more of them than nodes that may run one.
        """
        parts = [part for part in service.parts if self.is_whole or part.id in self.ids]
        active = {part.id for part in parts if part.nodes}
        return tuple(part for part in parts if part.nodes or part.id not in active)

    def in_state(self, state: ClusterState) -> diagnosis.Service:
        """Return the service in another state of the cluster."""
        found = [each for each in diagnosis.services(state) if each.id == self.name]
        gone = "Pacemaker does not show it"
        return found[0] if found else diagnosis.Service(self.name, "stopped", (), gone, ())


def find(seen: Seen, name: str, parts: Sequence[str] = ()) -> Subject:
    """Return the service of a name, or its parts.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        parts: The parts: `app`, `filesystem` and so on, or their IDs; empty for the whole service.

    Raises:
        UsageError: There is no such service, or it has no such part.
    """
    every = {each.id: each for each in diagnosis.services(seen.state)}
    elements = {
        each.get("id", ""): each for each in seen.live.iterfind("configuration/resources/*")
    }
    if name not in every or name not in elements:
        raise UsageError(f"there is no service {name!r}{_meant(name, list(every), 'services')}")
    if not parts:
        return Subject(every[name], elements[name], (name,))
    known = list(dict.fromkeys(part.id for part in every[name].parts))
    ids = dict.fromkeys(found for part in parts for found in _part(name, part, known))
    # In the order of the service, whatever the order of the options.
    return Subject(every[name], elements[name], tuple(each for each in known if each in ids))


def _part(service: str, part: str, known: Sequence[str]) -> list[str]:
    """Return the parts that a word stands for; several if there are several apps, for example."""
    named = [each for each in known if each in (part, f"{service}-{part}")]
    found = named or [each for each in known if each.startswith(f"{service}-{part}-")]
    if not found:
        short = [each.removeprefix(f"{service}-") for each in known]
        raise UsageError(f"{service} has no part {part!r}{_meant(part, short, 'parts')}")
    return found


def _meant(word: str, known: Sequence[str], noun: str) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    listed = f"; the {noun} are: {', '.join(known)}" if known else f"; there are no {noun}"
    return f". Did you mean {near[0]!r}?" if near else listed
