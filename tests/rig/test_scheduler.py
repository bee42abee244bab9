"""What Pacemaker's own tools say of descriptions: `crm_verify`, and the scheduler's simulation.

Both are run on a node, so that it is each release's own Pacemaker that is asked.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.model.description import Description
from cib_templates.reading.reading import read_description
from cib_templates.rendering.render import render
from tests.properties.documents import Document, documents
from tests.properties.reading import accepted
from tests.rig.conftest import Shop
from vagrant.rig import Rig

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
NODE = "node1"
FOLDER = "/root/scheduler"
#: How many descriptions of any kind are shown to crm_verify.
SAMPLE = 60
MEMBER = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}

CLUSTER = '[fencing.rig]\nagent = "fence_x"\n' + "".join(
    f'[nodes.node{number}]\nlinks = ["198.51.100.1{number}"]\n' for number in (1, 2, 3)
)


@pytest.fixture
def rig(shop: Shop) -> Rig:
    """The rig of the demo's cluster, whose node has an empty folder for CIBs."""
    shop.rig.run(NODE, "rm", "-rf", FOLDER, check=True)
    shop.rig.run(NODE, "mkdir", FOLDER, check=True)
    return shop.rig


def online(description: Description) -> etree._Element:
    """Return the CIB of a description in whose cluster all nodes are members.

    Without their state Pacemaker warns that it cannot fence anything.
    """
    cib = render(description)
    cib.attrib.update({"crm_feature_set": "3.16.1", "have-quorum": "1", "dc-uuid": "1"})
    [status] = cib.iterfind("status")
    for node in cib.iterfind("configuration/nodes/node"):
        identity = {"id": node.get("id", ""), "uname": node.get("uname", "")}
        state = etree.SubElement(status, "node_state", identity | MEMBER)
        history = etree.SubElement(state, "lrm", id=identity["id"])
        etree.SubElement(history, "lrm_resources")
    return cib


def said_by_verify(rig: Rig, cibs: dict[str, etree._Element]) -> str:
    """Return what crm_verify says of CIBs; nothing if it finds nothing wrong."""
    for name, cib in cibs.items():
        rig.write(NODE, f"{FOLDER}/{name}.xml", to_text(cib))
    each = (
        'for file in "$0"/*.xml; do crm_verify --verbose --xml-file "$file" || echo "$file"; done'
    )
    done = rig.run(NODE, "sh", "-c", each, FOLDER)
    return (done.stdout + done.stderr).strip()


def test_the_examples_are_valid_for_pacemaker(rig: Rig) -> None:
    """Neither an error nor a warning in any of them."""
    cibs = {example.stem: online(read_description(example)) for example in EXAMPLES}
    assert said_by_verify(rig, cibs) == ""


def test_descriptions_of_any_kind_are_valid_for_pacemaker(rig: Rig) -> None:
    """A sample of those that tests/properties checks against the schema."""
    cibs: dict[str, etree._Element] = {}

    @settings(
        max_examples=SAMPLE, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )  # fmt: skip
    @given(document=documents())
    def collect(document: Document) -> None:
        cibs[f"{len(cibs):03}"] = online(accepted(document))

    collect()
    assert len(cibs) >= SAMPLE
    assert said_by_verify(rig, cibs) == ""


def test_what_is_wrong_is_found(rig: Rig) -> None:
    """The check can fail."""
    cib = online(read_description(EXAMPLES[0]))
    [nodes] = cib.iterfind("configuration/nodes")
    nodes.set("mistyped", "1")
    assert f"{FOLDER}/wrong.xml" in said_by_verify(rig, {"wrong": cib})


def service(name: str, pattern: str, nodes: str, more: str = "") -> str:
    """Return a service that Pacemaker's simulation can run."""
    return (
        f'[services.{name}]\npattern = "{pattern}"\nnodes = [{nodes}]\n{more}\n'
        f'[services.{name}.app]\nagent = "ocf:pacemaker:Dummy"\n'
    )


class Simulation:
    """A cluster of three nodes in crm_simulate.

    Args:
        rig: Where Pacemaker is.
        folder: Where the description is kept.
        services: The services' tables.
    """

    def __init__(self, rig: Rig, folder: Path, services: str) -> None:
        self._rig = rig
        self._file = f"{FOLDER}/cib.xml"
        description = folder / "cluster.toml"
        description.write_text(f'schema = 1\n[cluster]\nname = "x"\n{CLUSTER}{services}')
        rig.write(NODE, self._file, to_text(online(read_description(description))))

    def after(self, *events: str) -> dict[str, list[str]]:
        """Return where each primitive runs when the cluster has settled after some events."""
        look = ("crm_simulate", "--xml-file", self._file)
        change = (*look, "--simulate", "--quiet", "--save-output", self._file, *events)
        self._rig.run(NODE, *change, check=True)
        # Pacemaker 3.0 does not say in XML what became of events: it is asked once more.
        said = self._rig.run(NODE, *look, "--output-as=xml", check=True).stdout
        found: dict[str, list[str]] = {}
        cluster = etree.fromstring(said.encode())
        for resource in cluster.iterfind("cluster_status/resources//resource"):
            for node in resource.iterfind("node"):
                found.setdefault(str(resource.get("id")), []).append(str(node.get("name")))
        return {name: sorted(nodes) for name, nodes in found.items() if name != "fence-rig"}


HOMES = {"a-app": ["node1"], "b-app": ["node2"]}


@pytest.mark.parametrize("failback", [False, True])
def test_mutual_services_share_a_node_only_while_they_must(
    rig: Rig, failback: bool, tmp_path: Path
) -> None:
    """With `failback` a service goes home, without it stays where it is."""
    more = f"failback = {str(failback).lower()}"
    cluster = Simulation(
        rig,
        tmp_path,
        service("a", "mutual", '"node1", "node2"', more)
        + service("b", "mutual", '"node2", "node1"', more),
    )
    assert cluster.after() == HOMES
    both = {"a-app": ["node2"], "b-app": ["node2"]}
    assert cluster.after("--node-down=node1") == both
    assert cluster.after("--node-up=node1") == (HOMES if failback else both)


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_a_service_goes_to_the_free_node(rig: Rig, first: str, second: str, tmp_path: Path) -> None:
    """Not to one that works, though it is preferred, whichever is written first."""
    cluster = Simulation(
        rig,
        tmp_path,
        service(first, "spare", '"node1", "node2", "node3"')
        + service(second, "spare", '"node2", "node3", "node1"'),
    )
    home = {f"{first}-app": ["node1"], f"{second}-app": ["node2"]}
    assert cluster.after() == home
    spare = home | {f"{first}-app": ["node3"]}
    assert cluster.after("--node-down=node1") == spare


def test_everywhere_is_on_its_nodes_and_others_follow(rig: Rig, tmp_path: Path) -> None:
    """A copy on each node that is named; who is `with` it runs on one of them."""
    cluster = Simulation(
        rig,
        tmp_path,
        service("web", "everywhere", '"node1", "node2"')
        + service("entry", "standby", '"node3", "node2"', 'with = ["web"]\nafter = ["web"]'),
    )
    assert cluster.after() == {"web-app": ["node1", "node2"], "entry-app": ["node2"]}


ONE_FOR_BOTH = '[fencing.rig]\nagent = "fence_x"\n'
ONE_FOR_EACH = "".join(
    f'[fencing.p{number}]\nagent = "fence_x"\nnodes = ["node{number}"]\n'
    f'parameters = {{ ip = "203.0.113.3{number}" }}\n'
    for number in (1, 2)
)


def delays(rig: Rig, folder: Path, tables: str) -> dict[str, str | None]:
    """Return by how long the loss of each of two nodes has its fencing delayed, in seconds."""
    nodes = "".join(f'[nodes.node{n}]\nlinks = ["198.51.100.1{n}"]\n' for n in (1, 2))
    description = folder / "cluster.toml"
    description.write_text(f'schema = 1\n[cluster]\nname = "x"\n{nodes}{tables}')
    cib = online(read_description(description))
    before, both, graph = (f"{FOLDER}/{name}.xml" for name in ("before", "both", "graph"))
    rig.write(NODE, before, to_text(cib))
    run = ("crm_simulate", "--simulate", "--quiet")
    rig.run(NODE, *run, "--xml-file", before, "--save-output", both, check=True)
    found: dict[str, str | None] = {}
    for node in ("node1", "node2"):
        lost = ("--xml-file", both, "--node-fail", node, "--quorum=true", "--save-graph", graph)
        rig.run(NODE, *run, *lost, check=True)
        text = rig.run(NODE, "cat", graph, check=True).stdout
        given = etree.fromstring(text.encode()).xpath("//@CRM_meta_priority_fencing_delay")
        found[node] = given[0] if given else None
    return found


@pytest.mark.parametrize("fencing", [ONE_FOR_BOTH, ONE_FOR_EACH], ids=["one", "each"])
@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (service("a", "standby", '"node1", "node2"'), {"node1": "10", "node2": "0"}),
        (service("a", "standby", '"node2", "node1"'), {"node1": "0", "node2": "10"}),
        # Both serve as much: one wins all the same.
        (
            service("a", "mutual", '"node1", "node2"') + service("b", "mutual", '"node2", "node1"'),
            {"node1": "10", "node2": "0"},
        ),
        (service("a", "everywhere", '"node1", "node2"'), {"node1": "10", "node2": "0"}),
    ],
    ids=["first", "second", "both", "everywhere"],
)
def test_of_two_nodes_the_one_that_serves_is_fenced_later(
    services: str, expected: dict[str, str], fencing: str, rig: Rig, tmp_path: Path
) -> None:
    """The scheduler delays the fencing of the node with more priority, and of that one alone."""
    assert delays(rig, tmp_path, fencing + services) == expected
