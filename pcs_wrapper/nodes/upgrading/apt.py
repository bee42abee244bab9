"""apt on this machine: what it would upgrade, and the commands that do it.

It asks nothing, removes nothing, goes back to no older version, and keeps configuration files that
an administrator has changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from pcs_wrapper.change.history.upgrade import Package
from pcs_wrapper.errors import UsageError
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting

# The source packages of a cluster's programs and libraries, and of Takeover where it is a package.
_SOURCES = frozenset(
    {
        *("pacemaker", "corosync", "corosync-qdevice", "kronosnet", "libqb", "pcs", "crmsh", "sbd"),
        *("fence-agents", "resource-agents", "cluster-glue", "takeover"),
    }
)
# What only a reboot puts into use everywhere: the kernel, and what all programs have in memory.
_NEED_REBOOT = re.compile(
    r"(linux-image-.*|(amd64|intel)-microcode|libc6|systemd|dbus|libssl3.*|firmware-.*)"
)
_ENVIRONMENT = (
    *("env", "DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none"),
    "NEEDRESTART_MODE=l",
)
#: How long apt waits for another one to end, in seconds.
_LOCKED = 300
_APT = (*_ENVIRONMENT, "apt-get")
_PATIENTLY = ("--quiet", f"--option=DPkg::Lock::Timeout={_LOCKED}")
_CAREFULLY = ("--assume-yes", "--no-remove", "--option=DPkg::Options::=--force-confold")
_QUERY = (
    *("dpkg-query", "--show"),
    r"--showformat=${db:Status-Abbrev}\t${source:Package}\t${Package}\t${Version}\n",
)
_INSTALLS = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) ", re.MULTILINE)
_LOOKING = 120.0
#: The longest time for the lists, the downloads and the installation, in seconds each.
REFRESHING, DOWNLOADING, INSTALLING = 900.0, 7200.0, 7200.0


def refresh(machine: Machine) -> None:
    """Have apt read which versions its repositories have; nothing is installed.

    Args:
        machine: This machine.

    Raises:
        ProgramError: A repository cannot be read.
    """
    command = (*_APT, "update", *_PATIENTLY, "--option=APT::Update::Error-Mode=any")
    with shown_as_waiting(machine, "apt reads what its repositories have"):
        machine.runner.run(
            *command,
            timeout=REFRESHING + _LOCKED,
            hint="Nothing was changed: put the repositories of apt right first",
        )


def chosen(machine: Machine, names: Sequence[str]) -> tuple[str, ...]:
    """Return the packages that are named, or those of the cluster, as far as they are installed.

    Args:
        machine: This machine.
        names: The names; none for all packages of the cluster.

    Raises:
        UsageError: A package that was named is not installed.
        ProgramError: dpkg-query is missing or fails.
    """
    lines = machine.runner.run(*_QUERY, timeout=_LOOKING).stdout.splitlines()
    rows = [line.split("\t") for line in lines if line[1:2] == "i"]
    installed = {row[2]: row[1] for row in rows}
    missing = [name for name in names if name not in installed]
    if missing:
        raise UsageError(
            f"not installed on this machine, so it cannot be upgraded: {', '.join(missing)}"
        )
    return tuple(names) or tuple(sorted(n for n, source in installed.items() if source in _SOURCES))


def upgrades(machine: Machine, names: Sequence[str], *, system: bool) -> tuple[Package, ...]:
    """Return what apt would upgrade or install; nothing is changed.

    Args:
        machine: This machine.
        names: The names of the packages; they are installed.
        system: Whether all packages are meant, and not only these.

    Raises:
        ProgramError: apt refuses, as it would have to remove a package or install an older version.
    """
    result = machine.runner.run(
        *_command(names, system=system, more=("--simulate",)),
        timeout=_LOOKING,
        hint="Nothing was changed. Packages are not removed, and no older versions are installed: "
        "a cluster's feature set never goes back",
    )
    return tuple(Package(*found) for found in _INSTALLS.findall(result.stdout))


def download(names: Sequence[str], *, system: bool) -> tuple[str, ...]:
    """Return the command that only downloads the packages."""
    return _command(names, system=system, more=("--download-only",))


def install(names: Sequence[str], *, system: bool) -> tuple[str, ...]:
    """Return the command that installs them."""
    return _command(names, system=system)


def configure() -> tuple[str, ...]:
    """Return the command that configures what an interrupted installation has only unpacked."""
    return (*_ENVIRONMENT, "dpkg", "--force-confold", "--configure", "--pending")


def _command(names: Sequence[str], *, system: bool, more: Sequence[str] = ()) -> tuple[str, ...]:
    # What is new and what an upgraded package needs is installed, too; nothing is removed.
    every, some = ("upgrade", "--with-new-pkgs"), ("install", "--only-upgrade", *names)
    verb, *what = every if system else some
    return (*_APT, *more, verb, *_PATIENTLY, *_CAREFULLY, *what)


def need_reboot(machine: Machine, packages: Collection[Package]) -> Iterator[str]:
    """Yield why a reboot is needed after an upgrade.

    Args:
        machine: This machine.
        packages: What is upgraded.
    """
    yield from (each.name for each in packages if _NEED_REBOOT.fullmatch(each.name))
    if (machine.root / "run/reboot-required").exists():
        yield "/run/reboot-required"
