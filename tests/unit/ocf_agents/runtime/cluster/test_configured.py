"""What other resources are configured to have, from Pacemaker's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocf_agents.runtime.cluster import configured

CIB = """<cib><configuration><resources>
<group id="shop"><primitive id="shop-fs"><instance_attributes>
<nvpair name="directory" value="/srv/shop"/><nvpair name="device" value="/dev/sdb"/>
</instance_attributes></primitive><primitive id="shop-ip"><instance_attributes>
<nvpair name="ip" value="198.51.100.7"/></instance_attributes></primitive></group>
<clone id="front"><primitive id="front-fs"><instance_attributes>
<nvpair name="directory" value="/srv/front"/></instance_attributes></primitive></clone>
<primitive id="log"/><primitive id="other"/>
</resources><constraints>
<rsc_colocation id="a" rsc="log" with-rsc="shop" score="INFINITY"/>
<rsc_colocation id="b" rsc="other" with-rsc="shop" score="-INFINITY"/>
</constraints></configuration></cib>"""


@pytest.fixture(autouse=True)
def cib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the file."""
    path = tmp_path / "cib.xml"
    path.write_text(CIB)
    monkeypatch.setattr(configured, "CIB", str(path))
    return path


def test_others_are_all_but_oneself() -> None:
    """Also a copy of a clone is oneself; those without such a parameter are not named."""
    directories = [
        ("shop-fs", {"directory": "/srv/shop"}),
        ("front-fs", {"directory": "/srv/front"}),
    ]
    assert configured.others("new", "directory") == directories
    assert configured.others("shop-fs", "directory") == directories[1:]
    assert configured.others("front-fs:0", "directory") == directories[:1]
    assert configured.others("new", "ip", "addresses") == [("shop-ip", {"ip": "198.51.100.7"})]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("shop-fs", "shop-ip", True),
        ("log", "shop-fs", True),
        ("shop-fs", "log", True),
        ("other", "shop-fs", False),
        ("front-fs:1", "shop-fs", False),
        ("new", "shop-fs", False),
    ],
)
def test_what_shares_a_node(one: str, other: str, together: bool) -> None:
    """In one group, or with the other by a colocation."""
    assert configured.are_together(one, other) is together


@pytest.mark.parametrize("text", ["", "<cib>", "<cib/>"])
def test_without_a_configuration_nothing_is_known(cib: Path, text: str) -> None:
    """As where no cluster has run yet."""
    cib.write_text(text)
    assert configured.others("new", "directory") == []
    assert not configured.are_together("shop-fs", "shop-ip")
    cib.unlink()
    assert configured.others("new", "directory") == []


def test_the_addresses_of_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All links of all nodes; none where there is no Corosync."""
    conf = tmp_path / "corosync.conf"
    monkeypatch.setattr(configured, "COROSYNC", str(conf))
    assert configured.addresses_of_nodes() == set()
    conf.write_text("nodelist {\n  node {\n    ring0_addr: 203.0.113.1\n    ring1_addr: fd00::1\n")
    assert configured.addresses_of_nodes() == {"203.0.113.1", "fd00::1"}
