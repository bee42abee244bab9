"""A live cluster described, and compared with its description again after somebody was there."""

import time
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.comparing.marks import beyond_marks
from tests.rig.conftest import Shop
from tests.rig.strangers import REMOTE, configuration, history, strange_cluster
from tests.rig.test_apply import LONGEST_PAUSE
from vagrant.demo.faults import wait_until_whole
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

NODE = "node1"
IMPORTED = "/root/imported.toml"
CHANGED = "/root/changed.toml"
STRANGERS = Path(__file__).parents[1] / "unit/cib_templates/importing/strangers"
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


@pytest.mark.alone("trixie")
@pytest.mark.one_machine("the lab of virtual machines has no host for a remote node")
def test_a_strangers_cluster_is_taken_over_and_given_back(shop: Shop) -> None:
    """Nothing of it stops, starts, moves, is looked at anew or fenced: it has only marks then.

    It has a remote node on which something runs, fencing levels, what pgsql keeps in node
    attributes, utilization that does not count, a promotable clone, rules, and a quorum policy of
    its own.
    """
    rig = shop.rig
    with strange_cluster(shop) as before:
        ran = history(rig)
        assert (REMOTE, "their-far", "their-far_start_0") in {each[:3] for each in ran}
        shop.client.write_steadily(1)
        begin = time.monotonic()
        told = _import(rig)
        for left in ("clone their-pair", f"primitive {REMOTE}"):
            assert f"{left}: not in the description; it stays as it is" in told
        assert "no-quorum-policy freeze" in told
        text = rig.run(NODE, "cat", IMPORTED, check=True).stdout
        assert "pgsql" not in text.partition("\n\n")[2]
        assert rig.run(NODE, "takeover", "apply", IMPORTED).returncode == 1
        # More than marks is refused, with what it is.
        rig.write(NODE, CHANGED, text.replace('monitor = "17s"', 'monitor = "18s"'))
        refused = rig.run(NODE, "takeover", "apply", "--adopt", CHANGED)
        assert refused.returncode == 1
        assert "their-one (monitor: 17s → 18s)" in refused.stderr
        planned = rig.run(NODE, "takeover", "plan", "--adopt", IMPORTED)
        assert "The cluster then stops and starts nothing." in planned.stdout
        shop.admin.types(NODE, "takeover", "apply", "--adopt", IMPORTED)
        assert history(rig) == ran
        adopted = configuration(rig)
        assert beyond_marks(before, adopted).differences == ()
        # Imported again, it is the same, and there is nothing to change.
        _import(rig)
        assert rig.run(NODE, "cat", IMPORTED, check=True).stdout == text
        assert rig.run(NODE, "takeover", "plan", IMPORTED).returncode == 0
        assert rig.run(NODE, "takeover", "drift", IMPORTED).returncode == 0
        _give_back(rig, adopted)
        given_back = configuration(rig)
        assert given_back.xpath("configuration//nvpair[starts-with(@name, 'takeover')]/@id") == []
        assert beyond_marks(before, given_back).differences == ()
        assert history(rig) == ran
        outage = shop.client.outage(begin, time.monotonic())
        print(f"longest pause of the client: {outage:.3f} s")
        assert outage < LONGEST_PAUSE * shop.patience
    assert shop.client.check().lost == []


def _give_back(rig: Rig, cib: etree._Element) -> None:
    """Take all marks away, with pcs alone."""
    for pair in cib.xpath("configuration//nvpair[starts-with(@name, 'takeover')]"):
        holder = pair.getparent().getparent()
        name, value = holder.get("id"), f"{pair.get('name')}="
        if holder.tag == "crm_config":
            command = ("property", "set", value, "--force")
        elif holder.tag == "node":
            command = ("node", "attribute", holder.get("uname"), value)
        else:
            kind = "stonith" if holder.get("class") == "stonith" else "resource"
            command = (kind, "meta", name, value)
        rig.run(NODE, "pcs", *command, check=True)


#: Real configurations with their state: a remote node, and virtual machines whose utilization
#: does not count.
WITH_STATE = {
    "remote-move": ("node1", "node2", "node3"),
    "vm-utilization-state": ("node1", "node2"),
}


@pytest.mark.parametrize("name", WITH_STATE)
def test_the_scheduler_would_do_nothing_to_a_strangers_cluster(shop: Shop, name: str) -> None:
    """As each release's own scheduler says it, of clusters that are not on this rig."""
    rig = shop.rig
    cib, conf = f"/root/{name}.xml", f"/root/{name}.conf"
    rig.write(NODE, cib, (STRANGERS / f"{name}.xml").read_text())
    nodes = "".join(
        f"node {{\nname: {node}\nnodeid: {number}\nring0_addr: 198.51.100.{number}\n}}\n"
        for number, node in enumerate(WITH_STATE[name], start=1)
    )
    totem = "totem {\nversion: 2\ncluster_name: theirs\ntransport: knet\n}\n"
    rig.write(NODE, conf, f"{totem}nodelist {{\n{nodes}}}\n")
    files = ("--cib", cib, "--corosync-conf", conf)
    done = rig.run(NODE, "takeover", "import", *files, check=True)
    rig.write(NODE, IMPORTED, done.stdout)
    planned = rig.run(NODE, "takeover", "plan", "--adopt", "--cib", cib, IMPORTED)
    assert planned.returncode == _DIFFERENT
    assert "The cluster then stops and starts nothing." in planned.stdout
    assert "refuses" not in planned.stdout
