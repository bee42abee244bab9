"""A live cluster described, and compared with its description again after somebody was there."""

import pytest
from lxml import etree

from tests.rig.conftest import Shop
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import DESCRIPTION
from vagrant.rig import Rig

NODE = "node1"
IMPORTED = "/root/imported.toml"
_DIFFERENT = 3


def _import(rig: Rig) -> str:
    """Have the cluster described in a file on the node; return what cannot be said."""
    done = rig.run(NODE, "takeover", "import", check=True)
    rig.write(NODE, IMPORTED, done.stdout)
    return done.stderr


def _starts(rig: Rig) -> set[tuple[str, str]]:
    """Every resource that was started, with the number of the call: a restart has another one."""
    status = etree.fromstring(rig.run(NODE, "cibadmin", "--query", check=True).stdout.encode())
    return {
        (str(op.getparent().get("id")), op.get("call-id", ""))  # type: ignore[union-attr]
        for op in status.iterfind("status//lrm_rsc_op[@operation='start']")
    }


def test_the_own_cluster_comes_back_the_same(shop: Shop) -> None:
    """What was applied and what is imported differ in nothing."""
    _import(shop.rig)
    assert shop.rig.run(NODE, "takeover", "plan", IMPORTED).returncode == 0
    for file in (IMPORTED, DESCRIPTION):
        drift = shop.rig.run(NODE, "takeover", "drift", file)
        assert (drift.returncode, drift.stdout.splitlines()[0]) == (0, "everything is as described")


def test_a_change_by_hand_is_told_and_put_right(shop: Shop) -> None:
    """With the described value and the one that is there."""
    timeout = ("pcs", "resource", "update", "shop-app", "op", "monitor", "timeout=77s")
    shop.rig.run(NODE, *timeout, check=True)
    drift = shop.rig.run(NODE, "takeover", "drift", DESCRIPTION)
    assert drift.returncode == _DIFFERENT
    assert "monitor timeout: 30s → 77s" in drift.stdout
    shop.admin.types(NODE, "takeover", "apply", DESCRIPTION)
    assert shop.rig.run(NODE, "takeover", "drift", DESCRIPTION).returncode == 0


@pytest.fixture
def theirs(shop: Shop) -> str:
    """Return the name of a group that was made with pcs."""
    for name in ("their-one", "their-two"):
        shop.make_with_pcs(name, "op", "monitor", "interval=17s", "--group", "theirs")
    return "theirs"


def test_what_others_made_is_taken_over_without_a_restart(shop: Shop, theirs: str) -> None:
    """Imported, it is a service; adopted, it goes on running; left out later, it is removed."""
    before = _starts(shop.rig)
    _import(shop.rig)
    refused = shop.rig.run(NODE, "takeover", "apply", IMPORTED)
    assert refused.returncode == 1
    assert "take it over as it is (--adopt)" in refused.stderr
    shop.admin.types(NODE, "takeover", "apply", "--adopt", IMPORTED)
    assert _starts(shop.rig) == before
    assert shop.rig.run(NODE, "takeover", "drift", IMPORTED).returncode == 0
    shop.admin.types(NODE, "takeover", "apply", DESCRIPTION)
    assert theirs not in shop.rig.run(NODE, "pcs", "resource", "status").stdout
    wait_until_whole(shop.rig)
    assert shop.client.check().lost == []
