"""Patterns on a real cluster: who takes over from whom, and that all words come and go again."""

import subprocess
import tomllib
from collections.abc import Callable, Iterator

import pytest
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from tests.breaking import powered_off
from tests.rig.conftest import Shop
from vagrant.common.networks import floating_address
from vagrant.common.waiting import eventually
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import cluster_status
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

_PATTERNS = "/root/patterns.toml"
#: Else a node that boots in seconds may be back before a service was started elsewhere.
_STAYS_OFF = """
[properties]
stonith-action = "off"
"""
_TAKEOVER_LIMIT = 90.0
Apply = Callable[..., None]


def _service(name: str, pattern: str, nodes: str, number: int, more: str = "") -> str:
    """A web server with an address of its own; number makes address and port differ."""
    port = 8080 + number
    return f"""
[services.{name}]
pattern = "{pattern}"
nodes = [{nodes}]
{more}
[services.{name}.app]
command = ["/usr/bin/python3", "-m", "http.server", "{port}", "--directory", "/usr/share"]
ready = "tcp:127.0.0.1:{port}"
health = "http://127.0.0.1:{port}/"
[services.{name}.address]
ip = "{floating_address(number)}"
prefix = 24
"""


@pytest.fixture
def apply(shop: Shop) -> Iterator[Apply]:
    """Applies the demo's description with more at its end; the demo's alone at last."""
    text = shop.rig.run("node1", "cat", DESCRIPTION, check=True).stdout

    def apply(more: str, replace: tuple[str, str] = ("", "")) -> None:
        shop.rig.write("node1", _PATTERNS, text.replace(*replace) + more)
        shop.admin.types("node1", "takeover", "check", _PATTERNS)
        shop.admin.types("node1", "takeover", "apply", _PATTERNS)

    yield apply
    wait_until_whole(shop.rig)
    shop.admin.types("node1", "takeover", "apply", DESCRIPTION)
    wait_until_whole(shop.rig)


def _places(rig: Rig, asked: str) -> dict[str, list[str]]:
    """Where each service runs, as a node tells."""
    return {
        service["id"]: service["nodes"] if service["state"] == "running" else []
        for service in cluster_status(rig, asked)["services"]
    }


def _eventually_at(shop: Shop, asked: str, places: dict[str, str]) -> bool:
    def there() -> bool:
        found = _places(shop.rig, asked)
        return all(found.get(name) == [node] for name, node in places.items())

    return eventually(there, _TAKEOVER_LIMIT * shop.patience, pause=0.5)


def _is_served(rig: Rig, number: int) -> bool:
    """Whether a client on the nodes' network gets a page from a service."""
    url = f"http://{floating_address(number)}:{8080 + number}/"
    ask = f"import urllib.request; urllib.request.urlopen({url!r}, timeout=10).read()"
    command = rig.client_command("python3", "-c", ask)
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _fails_and_returns(shop: Shop, node: str, asked: str, places: dict[str, str]) -> None:
    """Switch a node off, wait for the services to be elsewhere, and for the node to be back on."""
    with powered_off(shop.rig, node):
        assert _eventually_at(shop, asked, places), cluster_status(shop.rig, asked)
    wait_until_whole(shop.rig)


def test_mutual_services_take_each_other_over(shop: Shop, apply: Apply) -> None:
    """Each at home, both where one node is left, and no move when the other one returns."""
    apply(_service("one", "mutual", '"node1", "node2"', 1)
          + _service("two", "mutual", '"node2", "node1"', 2) + _STAYS_OFF)  # fmt: skip
    assert _eventually_at(shop, "node3", {"one": "node1", "two": "node2"})
    both = {"one": "node2", "two": "node2"}
    _fails_and_returns(shop, "node1", "node3", both)
    assert _is_served(shop.rig, 1)
    assert _eventually_at(shop, "node3", both)
    _fails_and_returns(shop, "node2", "node3", {"one": "node1", "two": "node1"})
    assert _is_served(shop.rig, 1)
    assert _is_served(shop.rig, 2)


def test_a_spare_node_takes_over_the_first_that_fails(shop: Shop, apply: Apply) -> None:
    """The service of the node that failed runs on the spare; the other one is not disturbed."""
    stays = _service("one", "spare", '"node1", "node3", "node2"', 1)
    returns = _service("two", "spare", '"node2", "node3", "node1"', 2, "failback = true")
    apply(stays + returns + _STAYS_OFF)
    home = {"one": "node1", "two": "node2"}
    assert _eventually_at(shop, "node3", home)
    _fails_and_returns(shop, "node2", "node3", {"one": "node1", "two": "node3"})
    assert _eventually_at(shop, "node3", home), "failback brings it home"
    _fails_and_returns(shop, "node1", "node3", {"one": "node3", "two": "node2"})
    assert _is_served(shop.rig, 1)
    assert _eventually_at(shop, "node3", {"one": "node3", "two": "node2"})


_NODE = """fencing_levels = [["{fencing}"]]
utilization = {{ addresses = 9 }}
attributes = {{ rack = "a" }}
"""
_ALL_WORDS = """
[properties]
batch-limit = 20
[[fragments]]
xml = '''<configuration>
<acls><acl_role id="reader"><acl_permission id="reader-all" kind="read" xpath="/cib"/></acl_role>
</acls>
<tags><tag id="webs"><obj_ref id="web"/><obj_ref id="entry"/></tag></tags>
<constraints><rsc_location id="entry-by-night" rsc="entry"><rule id="night" score="5">
<date_expression id="night-date" operation="date_spec"><date_spec id="night-spec" hours="20-23"/>
</date_expression></rule></rsc_location></constraints>
</configuration>'''
[services.entry]
pattern = "standby"
with = ["web"]
after = ["web"]
apart_from = ["shop"]
priority = 5
[services.entry.address]
ip = "{address}"
prefix = 24
utilization = {{ addresses = 1 }}
"""


def test_all_words_come_and_go(shop: Shop, apply: Apply) -> None:
    """Pcs reads all of it, a second apply changes nothing, and without them all is as before."""
    query = ("cibadmin", "--query", "--scope", "configuration")
    before = shop.rig.run("node1", *query, check=True).stdout
    web = _service("web", "everywhere", '"node1", "node2", "node3"', 1)
    web = web.partition("[services.web.address]")[0]
    more = _ALL_WORDS.format(address=floating_address(2))
    node_words = _NODE.format(fencing=_fence_device(shop.rig))
    apply(web + more, replace=("links =", f"{node_words}links ="))
    for shown in ("resource config", "constraint config", "stonith level config", "acl config",
                  "tag config", "node attribute", "node utilization", "property config",
                  "status"):  # fmt: skip
        shop.admin.types("node1", "pcs", *shown.split())
    with_words = shop.rig.run("node1", *query, check=True).stdout
    assert "takeover-fragments" in with_words
    again = shop.rig.run("node1", "takeover", "apply", _PATTERNS, check=True)
    assert "nothing to change" in again.stderr
    assert shop.rig.run("node1", *query, check=True).stdout == with_words
    shop.admin.types("node1", "takeover", "apply", DESCRIPTION)
    dry = shop.rig.run("node1", "takeover", "apply", "--dry-run", DESCRIPTION, check=True)
    assert dry.stdout == "nothing to change\n"
    after = shop.rig.run("node1", *query, check=True).stdout
    assert not changed_ids(_cib(before), _cib(after))


def _fence_device(rig: Rig) -> str:
    """Return the name of the rig's only one."""
    [name] = tomllib.loads(rig.equipment.fencing)["fencing"]
    return str(name)


def _cib(configuration: str) -> etree._Element:
    """Return a CIB with a configuration, without sets in which nothing is."""
    cib = etree.fromstring(f"<cib>{configuration}</cib>")
    for empty in cib.xpath("//node/instance_attributes[not(*)]"):
        empty.getparent().remove(empty)
    return cib
