"""What is installed, from what the programs of Debian 12 and Debian 13 really say."""

from __future__ import annotations

import pytest

from pcs_wrapper.machine.runner import Result, Runner
from pcs_wrapper.pacemaker.versions import Version, installed_versions

AUTHORS = "Written by Andrew Beekhof and the Pacemaker project contributors\n"
BUILT = """\
Copyright (c) 2006-2021 Red Hat, Inc.

Built-in features: dbus monitoring watchdog augeas systemd xmlconf vqsim nozzle snmp pie relro bindnow
Available crypto models: nss openssl
Available compression models: zlib lz4 lz4hc lzo2 lzma bzip2 zstd
"""  # noqa: E501 - as it is said
DEBIAN_12 = {
    "pacemakerd": f"Pacemaker 2.1.5\n{AUTHORS}",
    "corosync": f"Corosync Cluster Engine, version '3.1.7'\n{BUILT}",
    "pcs": "0.11.5\n",
}
DEBIAN_13 = {
    "pacemakerd": f"Pacemaker 3.0.0\n{AUTHORS}",
    "corosync": f"Corosync Cluster Engine, version '3.1.9'\n{BUILT}",
    "pcs": "0.12.0.2\n",
}


class Installed(Runner):
    """A runner on a machine with some programs, and what each of them says."""

    def __init__(self, said: dict[str, str | Result | type[TimeoutError]]) -> None:
        self._said = said

    def find(self, program: str) -> str | None:
        """Find only what is installed."""
        return f"/usr/sbin/{program}" if program in self._said else None

    def execute(self, command: tuple[str, ...], *, stdin: str, timeout: float) -> Result:
        """Answer at once."""
        assert stdin == ""
        assert timeout > 0
        said = self._said[command[0]]
        if isinstance(said, type):
            raise said
        return Result(0, said, "") if isinstance(said, str) else said


@pytest.mark.parametrize(
    ("said", "numbers"),
    [(DEBIAN_12, ("2.1.5", "3.1.7", "0.11.5")), (DEBIAN_13, ("3.0.0", "3.1.9", "0.12.0.2"))],
    ids=["Debian 12", "Debian 13"],
)
def test_each_version_is_read(said: dict[str, str], numbers: tuple[str, ...]) -> None:
    """The number, and nothing else of what is said."""
    found = installed_versions(Installed({**said}))
    assert found == [
        Version(name, number)
        for name, number in zip(("Pacemaker", "Corosync", "pcs"), numbers, strict=True)
    ]


def test_a_release_candidate_is_read_as_a_whole() -> None:
    """Whatever a distribution appends belongs to the version."""
    found = installed_versions(Installed({**DEBIAN_13, "pacemakerd": "Pacemaker 3.0.1-rc2\n"}))
    assert found[0].number == "3.0.1-rc2"


def test_what_is_not_installed_is_said() -> None:
    """A machine without a cluster, such as an administrator's laptop."""
    assert installed_versions(Installed({})) == [
        Version(name, None, "not installed") for name in ("Pacemaker", "Corosync", "pcs")
    ]


def test_what_fails_hangs_or_says_nothing_is_told() -> None:
    """None of it is a failure of the question."""
    broken = Installed(
        {
            "pacemakerd": Result(127, "", "error while loading shared libraries"),
            "corosync": TimeoutError,
            "pcs": "Usage: pcs …\n",
        }
    )
    assert installed_versions(broken) == [
        Version("Pacemaker", None, "version not known: pacemakerd failed with exit code 127"),
        Version("Corosync", None, "version not known: corosync did not answer within 10 s"),
        Version("pcs", None, "version not known: pcs printed none"),
    ]
