"""The files that a configuration names: nothing but their names is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lxml import etree

# What is there comes with packages, or with the system.
_OF_PACKAGES = ("/usr/", "/bin/", "/sbin/", "/lib", "/dev/", "/proc/", "/sys/", "/run/")


@dataclass(frozen=True)
class NamedFiles:
    """The files and folders that a configuration names, and which no package brings.

    Attributes:
        paths: Their paths.
        alerts: Those of them that are the programs of alerts.
    """

    paths: tuple[str, ...]
    alerts: frozenset[str]


def named_files(live: etree._Element) -> NamedFiles:
    """Return the files and folders that a configuration names, without those of packages.

    What is below a folder that it names, too, is on a service's disk, and is left out.

    Args:
        live: A whole CIB.
    """
    alerts = [str(each) for each in live.xpath("configuration/alerts/alert/@path")]
    paths = "configuration/resources//instance_attributes/nvpair/@value"
    values = [
        *alerts,
        *(str(each) for each in live.xpath(f"{paths} | configuration/alerts//@value")),
    ]
    values = [each for each in dict.fromkeys(values) if _is_path(each)]
    return NamedFiles(
        tuple(
            each
            for each in values
            if not each.startswith(_OF_PACKAGES)
            and not any(each.startswith(f"{other}/") for other in values)
        ),
        frozenset(alerts),
    )


def _is_path(value: str) -> bool:
    return value.startswith("/") and os.path.normpath(value) == value and value != "/"
