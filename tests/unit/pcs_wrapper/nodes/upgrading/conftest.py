"""A cluster with an older Pacemaker than the repository has, and what becomes of it."""

from __future__ import annotations

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import APT, PUSH
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.nodes.running.conftest import shop, told_json, well

__all__ = ["shop", "told_json", "well"]

CAREFULLY = (
    "--quiet --option=DPkg::Lock::Timeout=300 --assume-yes --no-remove "
    "--option=DPkg::Options::=--force-confold"
)
DOWNLOAD, INSTALL = f"{APT} apt-get --download-only install", f"{APT} apt-get install"
CONFIGURE = f"{APT} dpkg --force-confold --configure --pending"
STOP, START = "pcs cluster stop", "pcs cluster start --wait=120"
REBOOT = "systemctl reboot"


def of_apt(verb: str, what: str) -> str:
    """Return a whole command of apt."""
    return f"{verb} {CAREFULLY} {what}"


def turn(what: str) -> list[str]:
    """Return everything that is done to a node in its upgrade, given the packages."""
    return [
        of_apt(DOWNLOAD, f"--only-upgrade {what}"),
        PUSH,
        STOP,
        CONFIGURE,
        of_apt(INSTALL, f"--only-upgrade {what}"),
        START,
        PUSH,
    ]


def happens(cluster: Cluster) -> None:
    """Let what runs here leave, and this node go and come back paused, and not paused then."""
    cluster.when(PUSH, state=well("node2", standby="node1"))
    cluster.when(STOP, state="disconnected")
    cluster.when(START, state=well("node2", standby="node1"))
    cluster.when(PUSH, state=well("node2"))


@pytest.fixture
def old(shop: Cluster, takeover: Takeover) -> Cluster:
    """Return a cluster of which two packages can be upgraded, and one beside it."""
    shop.packages = {
        "corosync": ("corosync", "3.1.7-1"),
        "libpacemaker1": ("pacemaker", "2.1.5-1+deb12u1"),
        "pacemaker": ("pacemaker", "2.1.5-1+deb12u1"),
        "nginx": ("nginx", "1.22.1-9"),
    }
    shop.repository = {
        "corosync": "3.1.7-1",
        "libpacemaker1": "2.1.6-1",
        "pacemaker": "2.1.6-1",
        "nginx": "1.22.1-10",
    }
    object.__setattr__(takeover.machine, "root", takeover.machine.state.parent / "root")
    return shop
