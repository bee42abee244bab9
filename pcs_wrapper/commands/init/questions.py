"""The questions about what no option says, each with what was found as its answer."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pcs_wrapper.commands.init.prompts import agreed, ask, chosen, complain, name_all, offer
from pcs_wrapper.commands.printing import print_line

if TYPE_CHECKING:
    from pcs_wrapper.beginning.finding.fence_agents import FenceAgent
    from pcs_wrapper.beginning.finding.found import Found
    from pcs_wrapper.beginning.given import Given
    from pcs_wrapper.machine.machine import Machine

_TWO = 2
_MEBIBYTE = 2**20
_Question = Callable[["Given"], "Given"]


class Questions:
    """Asks, and asks again if an answer cannot be described.

    Args:
        machine: This machine.
        found: What it has.
    """

    def __init__(self, machine: Machine, found: Found) -> None:
        self._machine = machine
        self._found = found

    def ask(self, given: Given) -> Given:
        """Ask whatever was not said, and return all that is said then.

        Raises:
            UsageError: What was said before is wrong, or the input has ended.
        """
        from pcs_wrapper.beginning.proposing import has_parts
        from pcs_wrapper.beginning.trying import problem
        from pcs_wrapper.errors import UsageError

        parts_are_asked = not has_parts(given)
        begun = replace(given, service=None) if parts_are_asked else given
        if wrong := problem(self._machine, self._found, begun, with_fencing=False):
            raise UsageError(wrong)
        for question in (self._name, self._links, self._nodes, self._witness):
            begun = self._until_right(question, begun)
        begun = self._until_right(self._fencing, begun, with_fencing=True)
        if parts_are_asked:
            begun = replace(begun, service=given.service)
            begun = self._until_right(self._service, begun, with_fencing=True)
        return begun

    def _until_right(
        self, question: _Question, given: Given, *, with_fencing: bool = False
    ) -> Given:
        from pcs_wrapper.beginning.trying import problem
        from pcs_wrapper.errors import UsageError

        while True:
            answered = question(given)
            wrong = problem(self._machine, self._found, answered, with_fencing=with_fencing)
            if not wrong:
                return answered
            if answered == given:  # an option said it, and says it again
                raise UsageError(wrong)
            complain(wrong)

    def _name(self, given: Given) -> Given:
        from pcs_wrapper.beginning.nodes import cluster_name

        if given.name is not None:
            return given
        return replace(given, name=ask("name of the cluster", cluster_name(self._found)))

    def _links(self, given: Given) -> Given:
        links = self._found.links
        if given.links is not None or len(links) < _TWO:
            return given
        networks = [each.network for each in links]
        offer(
            "This machine is in these networks. Each one is a link by which the nodes hear of "
            "each other; two are better than one:",
            [f"{each.network} ({each.interface}, {each.address})" for each in links],
        )
        words = ask("networks to use", " ".join(str(n) for n in range(1, len(links) + 1))).split()
        return replace(given, links=tuple(chosen(word, networks) for word in words))

    def _nodes(self, given: Given) -> Given:
        from pcs_wrapper.beginning.nodes import addresses_of, chosen_links

        if given.nodes is not None:
            return given
        links = chosen_links(self._found, given)
        names = ask(
            f"names of the other nodes beside {self._found.host}, as `uname -n` says them there",
            none="none yet",
        ).split()
        nodes = []
        for name in names:
            known = addresses_of(self._machine, name, links)
            like = next(iter(known.values()), "")
            listed: list[str] = []
            for link in links:
                like = like or next(iter(listed), "")
                guess = known.get(link.network) or (link.neighbour(like) if like else "")
                listed.append(ask(f"address of {name} in {link.network}", guess))
            nodes.append(f"{name}={','.join(listed)}")
        return replace(given, nodes=tuple(nodes))

    def _witness(self, given: Given) -> Given:
        if given.witness is not None or len(given.nodes or ()) + 1 != _TWO:
            return given
        print_line(
            "Two nodes that lose each other cannot tell which of them is cut off. A host outside "
            "of the cluster that runs corosync-qnetd can.",
            err=True,
        )
        return replace(given, witness=ask("name of that host", none="none"))

    def _fencing(self, given: Given) -> Given:
        from pcs_wrapper.beginning.finding.fence_agents import agent_of
        from pcs_wrapper.beginning.nodes import names_of

        if any((given.fencing, given.sbd, given.watchdog)):
            return given
        found = self._found
        nodes = [found.host, *names_of(given)]
        print_line("When a node fails, another one switches it off before it takes over.", err=True)
        name_all("These fence agents are installed here:", found.fence_agents)
        why = f" ({found.fence_agent_why})" if found.fence_agent_why else ""
        # Two nodes that lose each other would both reset themselves.
        is_right = len(nodes) != _TWO or bool(given.witness)
        real = [each for each in found.watchdogs if is_right and not each.is_software]
        if real:
            what = f"{real[0].path}, {real[0].identity}"
            print_line(f"or `watchdog`: nodes reset themselves ({what})", err=True)
        default = found.fence_agent or ("watchdog" if real else "")
        agent = ""
        while not (agent == "watchdog" or agent.startswith("fence_")):
            agent = ask(f"fence agent{why}", default)
        if agent == "watchdog":
            path = real[0].path if real else "/dev/watchdog"
            return replace(given, watchdog=ask("watchdog", path))
        if agent == "fence_sbd":
            disks = ask("SBD's disks, with spaces between (what is on them is lost)")
            return replace(given, sbd=tuple(disks.split()))
        if agent not in found.fence_agents:
            print_line(f"{agent} is not installed here: nobody knows what it needs", err=True)
        known = agent_of(self._machine, agent)
        if known.is_of_one_node:
            return replace(given, fencing=tuple(self._needs(known, node) for node in nodes))
        fencing = (self._needs(known, ""),)
        plugs: tuple[str, ...] | None = given.plugs
        if known.has_plugs and plugs is None:
            plugs = tuple(f"{node}={ask(f'plug of {node} at this device', node)}" for node in nodes)
        return replace(given, fencing=fencing, plugs=plugs)

    def _needs(self, agent: FenceAgent, node: str) -> str:
        """Ask what a device needs, and return it as the option --fence says it."""
        words = [f"{node}:{agent.name}" if node else agent.name]
        for need in agent.needs:
            default, about = "", need.about
            if need.name == "password_script":
                default = f"/etc/takeover/{agent.name}"
                about = "a program that prints the password; nobody but root can read it"
            of = f" for {node}" if node else ""
            words.append(f"{need.name}={ask(f'{need.name}{of} ({about})', default)}")
        return shlex.join(words)

    def _service(self, given: Given) -> Given:
        """Ask for a service; one without any part is asked for again."""
        name = given.service
        if name is None:
            name = ask("name of the first service", none="none yet")
        if not name:
            return replace(given, service="", disk="")
        given = replace(given, service=name)
        return self._address(self._app(self._disk(given)))

    def _disk(self, given: Given) -> Given:
        from pcs_wrapper.beginning.proposing import is_portal, shared_disk

        paths = [each.path for each in self._found.disks]
        offer(
            "These disks are not in use on this machine:",
            [
                f"{each.path} ({each.kernel}, {each.size // _MEBIBYTE} MiB, {each.about}"
                f"{', ' + each.filesystem if each.filesystem else ''})"
                for each in self._found.disks
            ],
        )
        default = shared_disk(self._found)
        question = "disk with its data: a number, a path, or an iSCSI portal (ADDRESS:PORT)"
        disk = chosen(ask(question, default, none="none"), paths)
        if not disk:
            return replace(given, disk="")
        if is_portal(disk):
            given = self._lun(replace(given, disk=disk))
        here = [each.filesystem for each in self._found.disks if each.path == disk]
        return replace(
            given,
            disk=disk,
            directory=ask("where it is mounted", given.directory or f"/srv/{given.service}"),
            filesystem=ask("filesystem", given.filesystem or next(filter(None, here), "ext4")),
        )

    def _lun(self, given: Given) -> Given:
        from pcs_wrapper.beginning.finding.storage import targets

        found = targets(self._machine, given.disk or "")
        offer("It has these targets:", found)
        target = chosen(ask("target", found[0] if len(found) == 1 else ""), found)
        numbers = [each.number for each in self._found.luns if each.target == target]
        while True:
            number = ask("number of the LUN", str(numbers[0] if numbers else 1))
            if number.isdecimal():
                return replace(given, target=target, lun=int(number))

    def _app(self, given: Given) -> Given:
        units = [each.name for each in self._found.units]
        offer(
            "These units run here:", [f"{each.name} ({each.about})" for each in self._found.units]
        )
        question = "what runs: a number, a unit, or a command with its arguments"
        app = chosen(ask(question, none="none"), units)
        if not app:
            return given
        if not app.startswith("/"):
            return replace(given, unit=app)
        user = ask("user that runs it", "root")
        ready = ask("check that shows when it serves, such as tcp:127.0.0.1:5432", none="none")
        return replace(given, command=app, user=user, ready=ready)

    def _address(self, given: Given) -> Given:
        return replace(given, address=ask("address that its clients know", none="none"))


def wants_import(cluster: str) -> bool:
    """Ask whether the cluster that this machine belongs to is to be described as it is."""
    return agreed(
        f"This machine already belongs to the cluster {cluster}. Describe that one as it is "
        "(takeover import)?",
        default=True,
    )
