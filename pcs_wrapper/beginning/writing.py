"""Writing the description: a text that says what each part is for, and what could be there."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cib_templates.checks.advice import LocalHost
from cib_templates.findings import Finding, warning
from cib_templates.reading.reading import parse_with_advice
from pcs_wrapper.beginning.finding.found import Found
from pcs_wrapper.beginning.finding.watchdogs import doubt
from pcs_wrapper.beginning.proposal import Device, Proposal, Service, Table, Value
from pcs_wrapper.errors import UsageError
from pcs_wrapper.machine.terminal import escaped_toml

SOFTWARE_WATCHDOG = warning(
    "software-watchdog",
    "The watchdog that SBD shall use is only a timer of the kernel's, or is not there: it does not "
    "reset a node whose kernel hangs.",
)

_WIDTH = 98
_REMARKS = {
    "filesystem": "The disk with its data. If it is empty, `takeover service prepare` makes the "
    "filesystem, and has a command put the first data into it.",
    "app": "The application. The cluster alone starts and stops it: no node does that at its boot.",
    "address": "The address that its clients know. No node has it by itself.",
}
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Draft:
    """A description that has no mistakes.

    Attributes:
        text: Its text.
        warnings: What is allowed in it, but seldom meant.
    """

    text: str
    warnings: tuple[Finding, ...]


def draft(proposal: Proposal, found: Found, file: Path, today: date) -> Draft:
    """Return the description of a cluster.

    Args:
        proposal: What is to be described.
        found: What this machine has.
        file: The file that it will be in, for findings.
        today: The date.

    Raises:
        DescriptionError: What is to be described has mistakes.
    """
    text = "\n".join(_lines(proposal, found, today)) + "\n"
    here = LocalHost(found.host, [each.interface for each in found.links])
    _, warnings = parse_with_advice(text, file, here)
    return Draft(text, (*warnings, *_doubts(proposal, found)))


def _doubts(proposal: Proposal, found: Found) -> Iterator[Finding]:
    """Find a watchdog by which a node may not be reset."""
    if proposal.sbd is not None:
        why = doubt(found.watchdogs, f"{proposal.sbd['watchdog']}")
        if why:
            yield SOFTWARE_WATCHDOG.at(
                ("sbd", "watchdog"),
                why,
                "a watchdog of the machine's own: its kernel module may have to be loaded first",
            )


def write(file: Path, text: str) -> None:
    """Write a description into a new file.

    Raises:
        UsageError: The file is there already, or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(already_there(file)) from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def already_there(file: Path) -> str:
    """Return what is said of a file that must not be overwritten."""
    return f"{file} is there already, and is not overwritten: name another file, or remove it"


def _lines(proposal: Proposal, found: Found, today: date) -> Iterator[str]:
    yield from _comment(
        f"The cluster {proposal.name}, as `takeover init` has described it on {found.host}, "
        f"{today.isoformat()}. It is yours to change: `takeover check` finds every mistake."
    )
    yield from ("schema = 1", "", "[cluster]", f"name = {_value(proposal.name)}")
    yield from _comment(
        'token = "1000ms" would notice sooner that a node is lost; Corosync\'s default is 3 s.'
    )
    yield from _nodes(proposal, found)
    yield from _fencing(proposal, found)
    if proposal.witness:
        yield ""
        yield from _comment(
            "A host outside of the cluster that decides between two halves. It runs "
            "corosync-qnetd, and the nodes need the package corosync-qdevice."
        )
        yield from ("[quorum.device]", f"host = {_value(proposal.witness)}")
    yield from _service(proposal.service)


def _nodes(proposal: Proposal, found: Found) -> Iterator[str]:
    yield ""
    networks = [f"{each.network} ({each.interface} here)" for each in proposal.links]
    yield from _comment(
        "The nodes, by the names that they have themselves (uname -n), and for each link of "
        f"Corosync an address: in {', then in '.join(networks)}."
    )
    others = [each for each in found.links if each not in proposal.links]
    if others:
        also = ", ".join(f"{each.network} ({each.interface})" for each in others)
        yield from _comment(f"This machine is also in {also}, which is no link.")
    for link in proposal.links:
        if link.is_leased:
            yield from _comment(
                f"The address of {link.interface} is lent (DHCP): see to it that it stays the same."
            )
    for name, addresses in proposal.nodes.items():
        yield from (f"[nodes.{_key(name)}]", f"links = {_value(addresses)}", "")
    if len(proposal.nodes) == 1:
        yield from _comment("When a second node comes, it is described in the same way:")
        yield from _comment("[nodes.NAME]")
        yield from _comment(f"links = {_value(['ADDRESS'] * len(proposal.links))}")
        yield ""


def _fencing(proposal: Proposal, found: Found) -> Iterator[str]:
    yield from _comment(
        "Fencing: how a node that has failed is switched off, before another one takes over. "
        "Prove it before you rely on it: `takeover fence test`."
    )
    for number, device in enumerate(proposal.devices):
        yield from [""] if number else []
        yield from _device(device)
    if proposal.sbd is not None:
        yield from [""] if proposal.devices else []
        yield from _comment(
            "SBD: a node resets itself by its watchdog when it loses these disks. What is on them "
            "is lost when the cluster is created."
            if "devices" in proposal.sbd
            else "SBD: a node that has no quorum any more resets itself by its watchdog."
        )
        yield from _comment("; ".join(each.message for each in _doubts(proposal, found)))
        yield from _table("sbd", proposal.sbd)


def _device(device: Device) -> Iterator[str]:
    remarks = [f"{device.about.removesuffix('.')}."] if device.about else []
    parameters = device.table.get("parameters", {})
    if isinstance(parameters, dict) and "password_script" in parameters:
        remarks.append(
            "The program prints the password; it belongs to root, with mode 0700, on every node."
        )
    if "plugs" in device.table:
        remarks.append(
            "With a wrong plug, fencing switches off the wrong node and reports success."
        )
    yield from _comment(" ".join(remarks))
    yield from _table(f"fencing.{device.name}", device.table)


def _service(service: Service | None) -> Iterator[str]:
    yield ""
    if service is None:
        yield from _comment(
            "Services come next: an application, the disk with its data, and the address that its "
            "clients know. docs/describing.md says how they are described."
        )
        return
    name = _key(service.name)
    yield from _comment(
        "The service runs on one node; if that fails, another one takes over. Without `nodes` it "
        "may run on all of them."
    )
    yield from (f"[services.{name}]", 'pattern = "standby"')
    for kind, table in service.parts.items():
        yield ""
        yield from _comment(_REMARKS[kind])
        unit = str(table.get("agent", "")).removeprefix("systemd:")
        yield from [f"# systemctl disable --now {unit}"] if unit else []
        yield from _table(f"services.{name}.{kind}", table)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False)]


def _table(name: str, table: Table) -> Iterator[str]:
    yield f"[{name}]"
    yield from (f"{_key(key)} = {_value(value)}" for key, value in table.items())


def _value(value: Value) -> str:
    """Return a value as TOML, on one line."""
    match value:
        case str():
            # JSON's strings are TOML's, but for what no terminal should have either.
            return escaped_toml(json.dumps(value, ensure_ascii=False))
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            return f"{{ {', '.join(f'{_key(key)} = {_value(of)}' for key, of in value.items())} }}"
    return str(value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)
