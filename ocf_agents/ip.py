"""ocf:takeover:ip, the floating addresses that a service's clients know.

It decides from the addresses that the kernel has, never from routes: those go away with a link,
while the address stays and answers.
"""

from __future__ import annotations

from ocf_agents.network import netlink
from ocf_agents.network.parameters import IpParameters
from ocf_agents.network.wanted import WantedAddress, is_link_local, pack
from ocf_agents.runtime.agent import Action, AgentError, Code
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.parameters import decimal
from ocf_agents.runtime.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.network.address import Options
    from ocf_agents.network.ethernet.announce import Announcer
    from ocf_agents.network.ethernet.conflict import AddressProbe
    from ocf_agents.network.ethernet.packets import PacketSocket
    from ocf_agents.network.placement import Place

# In the state: the interface as asked for, those of the addresses by number, and the addresses.
NIC, INTERFACES, ADDRESSES = "nic", "interfaces", "addresses"
LOOPBACK = 1  # the number of "lo" in every network namespace (LOOPBACK_IFINDEX)
DAD_POLL = 0.02  # seconds; the kernel's duplicate address detection takes one to two
MILLISECOND = 0.001  # seconds


class Ip(IpParameters):
    """Floating IPv4 and IPv6 addresses."""

    name = "ip"
    short = "Floating IPv4 and IPv6 addresses"
    long = (
        "Adds an address to an interface, announces it to the neighbours, and removes it again. "
        "The interface and the prefix length are found from the node's routes if they are not "
        "given. An address that another host uses is not taken. A link that is down is a failure, "
        "so that the service moves."
    )
    actions = (
        Action("start", timeout=20),
        Action("stop", timeout=20),
        Action("monitor", timeout=20, interval=10, depth=0),
        Action("reload-agent", timeout=20),
        Action("meta-data", timeout=5),
        Action("validate-all", timeout=20),
    )

    _packets: PacketSocket | None = None

    def check_host(self) -> None:
        """Raise AgentError if the interface that was asked for is not there."""
        if self.interface and self._index() is None and not self._here():
            raise AgentError(
                f"there is no interface {self.interface} on this node", Code.ERR_INSTALLED
            )

    def start(self) -> None:
        """Add the addresses and announce them; if one cannot be added, none is."""
        places = self._places()
        missing = [place for place in places if place.address is None]
        probe = self._probe(missing)
        # Done while the neighbours have time to answer:
        from ocf_agents.network.address import remove

        announcer = self._announcer([(p.wanted.ip, p.link) for p in places], self.arp_count or 0)
        if probe is not None:
            self._check_conflict(probe)
        try:
            if self.lvs_support:
                from ocf_agents.network.loopback import take_away

                take_away([each.wanted.ip for each in missing], self._state)
            self._remember(places)
            for each in missing:
                self._add(each)
            for each in places:
                self._wait_until_unique(each)
        except (AgentError, OSError):
            for each in missing:
                if each.address is not None:
                    remove(each.address)
            self._put_back_loopback()
            raise
        try:
            if announcer is not None:
                announcer.begin()
        except OSError as error:  # the address works; neighbours learn of it a little later
            log(f"cannot announce {self.names}: {error}", WARNING)

    def stop(self) -> None:
        """Remove the addresses from wherever they are, and what a start has added besides."""
        from ocf_agents.network.ethernet.announce import end_announcements

        end_announcements(self._announcements())
        if owner := self._owner(self._here()):
            log(f"{self.names} is of {owner}, and left alone: it was never added here")
            return
        if self.kill_connections_on_stop:
            self._close_connections()
        while here := self._here() or self._added():
            from ocf_agents.network.address import remove

            for address in here:
                remove(address)
            if not self.deadline.left():
                raise AgentError(f"{self.names}: added again each time that it is removed")
        if self.kill_connections_on_stop:  # those that were opened meanwhile
            self._close_connections()
        self._put_back_loopback()
        self._state.forget()

    def monitor(self) -> int:
        """Tell whether the addresses are here and their links work."""
        found = self._find()
        missing = [str(wanted) for wanted, address in found if address is None]
        if len(missing) == len(found):
            if self.interface and not self.probe and self._index() is None:
                names = self.names
                raise AgentError(
                    f"the interface {self.interface} has vanished, and {names} with it"
                )
            return Code.NOT_RUNNING
        if missing:
            raise AgentError(f"{', '.join(missing)} missing; others are here")
        here = [(wanted, address) for wanted, address in found if address is not None]
        if self.probe and (owner := self._owner([address for _, address in here])):
            # As running here, it would be stopped here before it is started on another node.
            raise AgentError(f"{self.names} is already of {owner}", Code.ERR_CONFIGURED)
        self._check_moved(here)
        links = _links([address for _, address in here])
        for wanted, address in here:
            _check_prefix(wanted, address)
            link = links[address.index]
            if link.down and self.check_link_status:
                from ocf_agents.network.placement import is_down

                raise is_down(wanted, link)
            if address.duplicate:
                raise AgentError(f"another host on {link.name} already uses {wanted}")
        if self.arp_count_refresh and not self.probe:
            count = self.arp_count_refresh
            announcer = self._announcer([(a.ip, links[a.index]) for _, a in here], count)
            if announcer is not None:
                announcer.begin()
        return Code.SUCCESS

    def reload(self) -> None:
        """Give the addresses their new lifetime and metric; the rest is read when it is needed."""
        from ocf_agents.network.address import change

        for wanted, address in self._find():
            if address is not None:
                change(wanted, address, self._options(netlink.link(address.index)))

    def watches(self) -> list[str]:
        """Return the addresses and their links."""
        here = [(str(wanted), address.index) for wanted, address in self._find() if address]
        links = sorted({index for _, index in here}) if self.check_link_status else []
        addresses = [f"address {text} {index}" for text, index in here]
        return [*addresses, *(f"link {index}" for index in links)]

    def _index(self) -> int | None:
        """Return the number of the interface that was asked for; None if it is not there."""
        return netlink.index(self.interface)

    @property
    def _state(self) -> State:
        return State(self.environ, self.instance)

    def _remembered(self) -> set[int]:
        """Return the interfaces, by number, that a start with this `nic` added the addresses to."""
        values = self._state.read()
        if values.get(NIC, "") != self.interface:
            return set()
        numbers = map(decimal, values.get(INTERFACES, "").split())
        return {number for number in numbers if number}

    def _remember(self, places: list[Place]) -> None:
        """Remember the interfaces of the addresses: names may change, and numbers do not."""
        numbers = sorted({place.link.index for place in places})
        try:
            values = self._state.read()
            values[NIC] = self.interface
            values[INTERFACES] = " ".join(map(str, numbers))
            values[ADDRESSES] = " ".join(str(place.wanted) for place in places)
            self._state.write(values)
        except OSError as error:
            log(f"if the interface is renamed it is not known again: {error}", WARNING)

    def _added(self) -> list[netlink.Address]:
        """Return what a start has added and is still there, whatever the parameters say now."""
        values = self._state.read()
        interfaces = set(map(decimal, values.get(INTERFACES, "").split()))
        packed = {ip for ip in map(pack, values.get(ADDRESSES, "").split()) if ip}
        families = {netlink.family(ip) for ip in packed}
        here = [address for family in families for address in netlink.addresses(family)]
        return [each for each in here if each.ip in packed and each.index in interfaces]

    def _here(self) -> list[netlink.Address]:
        """Return the addresses that are here."""
        return [address for _, address in self._find() if address is not None]

    def _find(self) -> list[tuple[WantedAddress, netlink.Address | None]]:
        """Return each address as the kernel has it.

        It is looked for on the given interface, and where the start has added it: that interface
        may have another name now. If neither is known, or no interface was given, on all.
        """
        wanted = self.wanted()
        families = {netlink.family(each.ip) for each in wanted}
        here = [address for family in families for address in netlink.addresses(family)]
        if self.lvs_support:
            from ocf_agents.network.loopback import index

            here = [address for address in here if address.index != index()]
        if not self.interface:
            return [(each, _best(each, here)) for each in wanted]
        known = self._remembered()
        if (nic := self._index()) is not None:
            known.add(nic)
        if known:
            here = [address for address in here if address.index in known]
        else:
            # One that every interface has for itself, or the loopback interface for LVS, is not it.
            here = [a for a in here if not is_link_local(a.ip) and a.index != LOOPBACK]
        return [(each, _best(each, here)) for each in wanted]

    def _owner(self, here: list[netlink.Address]) -> str:
        """Return in words whose addresses these are; "" if they may be this resource's own."""
        if not here or self._state.read():
            return ""  # it has been started here
        from ocf_agents.network.wanted import pack, parse
        from ocf_agents.runtime.cluster.configured import addresses_of_nodes, others

        ips = {address.ip for address in here}
        for name, values in others(self.instance, "ip", "addresses"):
            words = " ".join(values.values()).replace(",", " ").split()
            if any(wanted is not None and wanted.ip in ips for wanted in map(parse, words)):
                return name
        return "a node itself" if ips & {pack(text) for text in addresses_of_nodes()} else ""

    def _check_moved(self, here: list[tuple[WantedAddress, netlink.Address]]) -> None:
        """Raise AgentError if somebody has moved an address to another interface."""
        remembered = self._remembered()
        for wanted, address in here:
            if remembered and address.index not in remembered:
                name = netlink.link(address.index).name
                raise AgentError(f"{wanted} was moved to {name}, another interface of this node")

    def _places(self) -> list[Place]:
        """Return where each address is or belongs.

        Raises:
            AgentError: An address belongs nowhere, or to a link that is down.
        """
        from ocf_agents.network.placement import Place, link_that_is_down, place

        index = self._index() if self.interface else None
        places = []
        for wanted, address in self._find():
            if address is None:
                if self.link_up and (link := link_that_is_down(wanted, index)) is not None:
                    self._working(link, wanted)  # first: without it there is no route to look at
                to_be = place(wanted, self.interface, index)
            else:
                _check_prefix(wanted, address)
                to_be = Place(wanted, netlink.link(address.index), address.prefix, address)
            to_be.link = self._working(to_be.link, wanted)
            places.append(to_be)
        return places

    def _working(self, link: netlink.Link, wanted: WantedAddress) -> netlink.Link:
        """Return the link of an address, after setting it up if that is asked for.

        Raises:
            AgentError: It is down nevertheless, after half of the time.
        """
        if link.down and self.link_up:
            from ocf_agents.network.interface import set_up

            link = set_up(link, self.deadline.part(0.5))
        if link.down and self.check_link_status:
            from ocf_agents.network.placement import is_down

            raise is_down(wanted, link)
        return link

    def _probe(self, places: list[Place]) -> AddressProbe | None:
        """Ask the neighbours whether one has one of the addresses already.

        Returns:
            The probe that has their answers; None if there is nothing to ask.

        Raises:
            OSError: They cannot be asked.
        """
        probed = [(each.wanted.ip, each.link) for each in places if self._is_probed(each)]
        if not probed:
            return None
        from ocf_agents.network.ethernet.conflict import AddressProbe

        return AddressProbe(self._packet_socket(), probed)

    def _is_probed(self, place: Place) -> bool:
        """Tell whether the neighbours are asked for an address."""
        without = self.nodad and netlink.family(place.wanted.ip) == netlink.AF_INET6
        return bool(self.conflict_wait) and place.link.ethernet and not without

    def _check_conflict(self, probe: AddressProbe) -> None:
        """Raise AgentError if a neighbour has one of the addresses."""
        conflict = probe.conflict((self.conflict_wait or 0) * MILLISECOND)
        if conflict is not None:
            ip, name = WantedAddress(conflict.ip), conflict.link.name
            for address in netlink.find(conflict.ip):
                link = netlink.link(address.index)
                if link.hardware.hex(":") == conflict.mac:
                    raise AgentError(f"{link.name} of this node already has {ip}, beside {name}")
            raise AgentError(f"another host on {name} already uses {ip}: {conflict.mac}")

    def _add(self, place: Place) -> None:
        """Add an address and check it."""
        import errno

        from ocf_agents.network.address import add

        wanted, link = place.wanted, place.link
        options = self._options(link)
        try:
            add(wanted, place.prefix, link.index, options)
        except OSError as error:
            if error.errno == errno.EPERM:
                raise
            why = "IPv6 is disabled there" if error.errno == errno.EACCES else error.strerror
            raise AgentError(f"cannot add {wanted}/{place.prefix} to {link.name}: {why}") from error
        place.address = self._read_back(wanted)
        label = place.address.label
        if options.label not in ("", label) and netlink.family(wanted.ip) == netlink.AF_INET:
            raise AgentError(f"{wanted} has got the label {label} instead of {options.label}")

    def _options(self, link: netlink.Link) -> Options:
        from ocf_agents.network.address import FOREVER, Options

        return Options(
            label=self.label(link.name),
            preferred=int(self.preferred_lft) if self.preferred_lft != "forever" else FOREVER,
            metric=self.metric,
            noprefixroute=self.noprefixroute,
            # Once is enough: the kernel need not probe for what was probed for already.
            nodad=self.nodad or bool(self.conflict_wait and link.ethernet),
        )

    def _read_back(self, wanted: WantedAddress) -> netlink.Address:
        """Return an address that was just added, as the kernel has it."""
        for each, address in self._find():
            if each.ip == wanted.ip and address is not None:
                return address
        raise AgentError(f"{wanted} was removed while the node started to use it")

    def _wait_until_unique(self, place: Place) -> None:
        """Wait for the kernel's duplicate address detection (IPv6: RFC 4862, section 5.4)."""
        wanted, address = place.wanted, place.address or self._read_back(place.wanted)
        while address.tentative and not address.duplicate and self.deadline.pause(DAD_POLL):
            address = self._read_back(wanted)
        if address.duplicate or address.tentative:
            from ocf_agents.network.address import remove

            remove(address)
            raise AgentError(
                f"another host already uses {wanted}"
                if address.duplicate
                else f"the check whether another host uses {wanted} did not finish in time"
            )

    def _put_back_loopback(self) -> None:
        if self.lvs_support:
            from ocf_agents.network.loopback import put_back

            put_back(self._state)

    def _packet_socket(self) -> PacketSocket:
        """Return the socket to the neighbours, the same for all that an action does."""
        if self._packets is None:
            from ocf_agents.network.ethernet.packets import PacketSocket

            self._packets = PacketSocket()
        return self._packets

    def _announcements(self) -> State:
        """Return the state that has the process which announces the addresses."""
        return State(self.environ, self.instance, "announcements")

    def _announcer(
        self, addresses: list[tuple[bytes, netlink.Link]], count: int
    ) -> Announcer | None:
        """Return the announcer of addresses, None if there is nothing to announce."""
        from ocf_agents.network.ethernet.announce import Announcer

        ethernet = [(ip, link) for ip, link in addresses if link.ethernet and not link.down]
        if not count or not ethernet:
            return None
        interval = (self.arp_interval or 0) * MILLISECOND
        state = self._announcements()
        return Announcer(
            self._packet_socket(), ethernet, count=count, interval=interval, state=state
        )

    def _close_connections(self) -> None:
        """Close the connections of the addresses; that it cannot be done is no reason to fail."""
        from ocf_agents.network.connections import Unsupported, close_connections

        for wanted in self.wanted():
            try:
                closed = close_connections(wanted.ip)
            except Unsupported:
                log(
                    f"connections of {wanted} are left as they are: this kernel has no "
                    "CONFIG_INET_DIAG_DESTROY",
                    WARNING,
                )
            except OSError as error:
                log(f"connections of {wanted} may be left: {error}", WARNING)
            else:
                if closed:
                    log(f"connections of {wanted} closed: {closed}")


def _links(here: list[netlink.Address]) -> dict[int, netlink.Link]:
    """Return the links that addresses are on, by number."""
    return {index: netlink.link(index) for index in {address.index for address in here}}


def _best(wanted: WantedAddress, here: list[netlink.Address]) -> netlink.Address | None:
    """Return the address that is wanted: if it is here twice, the one with the right prefix."""
    same = [address for address in here if address.ip == wanted.ip]
    return min(same, key=lambda address: address.prefix != wanted.prefix, default=None)


def _check_prefix(wanted: WantedAddress, address: netlink.Address) -> None:
    """Raise AgentError if the address is up with another prefix length than asked for.

    It is not "not running": the address answers here, so it must be stopped here first.
    """
    if wanted.prefix not in (None, address.prefix):
        raise AgentError(f"{wanted} is up with /{address.prefix} instead of /{wanted.prefix}")
