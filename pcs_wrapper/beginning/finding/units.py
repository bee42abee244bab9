"""The applications that run on this machine, as systemd's units."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pcs_wrapper.beginning.finding.asking import answer
from pcs_wrapper.machine.machine import Machine

# The system's own, the cluster's, and what is on every node by itself.
_SYSTEM = re.compile(
    r"(systemd-.*|dbus(-broker)?|polkit|ssh(d|@.*)?|(serial-)?getty@.*|user@.*|user-runtime-dir@.*"
    r"|cron|rsyslog|chrony(d)?|ntp(d|sec)?|networking|NetworkManager|ifup@.*|dhc.*|wpa_supplicant"
    r"|ModemManager|unattended-upgrades|packagekit|udisks2|upower|accounts-daemon|apparmor|auditd"
    r"|corosync.*|logd|pacemaker.*|pcsd.*|sbd|booth.*|drbd.*|iscsid|open-iscsi|multipathd|lvm2-.*"
    r"|blk-availability|mdmonitor|smartmontools|smartd|watchdog|haveged|rngd?|irqbalance|acpid"
    r"|qemu-guest-agent|open-vm-tools|vgauth|cloud-.*|snapd.*|fwupd|avahi-daemon|bluetooth|cups.*"
    r"|rpcbind|rpc-.*|nfs-.*|exim4|postfix@.*|atd|mcelog|thermald|display-manager|.*dm|console-.*)"
    r"\.service"
)


@dataclass(frozen=True)
class Unit:
    """A unit that runs, and may be a service of the cluster.

    Attributes:
        name: Its name, without `.service`.
        about: What it is, in its own words.
    """

    name: str
    about: str


def units(machine: Machine) -> list[Unit]:
    """Return the services that run and are not the system's own."""
    states = ("--type=service", "--state=running")
    printed = answer(machine, "systemctl", "list-units", *states, "--output=json", "--no-pager")
    try:
        found = [(str(each["unit"]), str(each["description"])) for each in json.loads(printed)]
    except (ValueError, KeyError, TypeError):
        return []
    return [
        Unit(name.removesuffix(".service"), about)
        for name, about in found
        if not _SYSTEM.fullmatch(name)
    ]
