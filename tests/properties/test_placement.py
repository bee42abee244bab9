"""Where Pacemaker's own scheduler puts the services of a pattern, before and after a node fails."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.reading import read_description
from cib_templates.render import render, to_text

SIMULATE = shutil.which("crm_simulate", path="/usr/sbin:/usr/bin")
CLUSTER = '[fencing.rig]\nagent = "fence_x"\n' + "".join(
    f'[nodes.node{number}]\nlinks = ["198.51.100.1{number}"]\n' for number in (1, 2, 3)
)
NODE_STATE = (
    '<node_state id="{0}" uname="node{0}" in_ccm="true" crmd="online" join="member" '
    'expected="member"><lrm id="{0}"><lrm_resources/></lrm></node_state>'
)


def service(name: str, pattern: str, nodes: str, more: str = "") -> str:
    """Return a service that Pacemaker's simulation can run."""
    return (
        f'[services.{name}]\npattern = "{pattern}"\nnodes = [{nodes}]\n{more}\n'
        f'[services.{name}.app]\nagent = "ocf:pacemaker:Dummy"\n'
    )


class Simulation:
    """A cluster of three nodes in crm_simulate.

    Args:
        file: Where its CIB is kept.
        services: The services' tables.
    """

    def __init__(self, file: Path, services: str) -> None:
        self._file = file
        description = file.with_suffix(".toml")
        description.write_text(f'schema = 1\n[cluster]\nname = "x"\n{CLUSTER}{services}')
        cib = render(read_description(description))
        cib.attrib.update({"crm_feature_set": "3.16.1", "have-quorum": "1", "dc-uuid": "1"})
        status = cib.find("status")
        assert status is not None
        status.extend(etree.fromstring(NODE_STATE.format(number)) for number in (1, 2, 3))
        file.write_text(to_text(cib))

    def after(self, *events: str) -> dict[str, list[str]]:
        """Return where each primitive runs when the cluster has settled after some events."""
        assert SIMULATE is not None
        look = (SIMULATE, "--xml-file", str(self._file))
        change = (*look, "--simulate", "--quiet", "--save-output", str(self._file), *events)
        subprocess.run(change, capture_output=True, check=True)
        # Pacemaker 3.0 does not say in XML what became of events: it is asked once more.
        said = subprocess.run((*look, "--output-as=xml"), capture_output=True, check=True).stdout
        resources = etree.fromstring(said).iterfind("cluster_status/resources//resource")
        found: dict[str, list[str]] = {}
        for resource in resources:
            for node in resource.iterfind("node"):
                found.setdefault(str(resource.get("id")), []).append(str(node.get("name")))
        return {name: sorted(nodes) for name, nodes in found.items() if name != "fence-rig"}


@pytest.fixture(autouse=True)
def _pacemaker() -> None:
    if SIMULATE is None:
        pytest.skip("Pacemaker is not installed")


HOMES = {"a-app": ["node1"], "b-app": ["node2"]}


@pytest.mark.parametrize("failback", [False, True])
def test_mutual_services_share_a_node_only_while_they_must(failback: bool, tmp_path: Path) -> None:
    """With `failback` a service goes home, without it stays where it is."""
    more = f"failback = {str(failback).lower()}"
    cluster = Simulation(
        tmp_path / "cib.xml",
        service("a", "mutual", '"node1", "node2"', more)
        + service("b", "mutual", '"node2", "node1"', more),
    )
    assert cluster.after() == HOMES
    both = {"a-app": ["node2"], "b-app": ["node2"]}
    assert cluster.after("--node-down=node1") == both
    assert cluster.after("--node-up=node1") == (HOMES if failback else both)


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_a_service_goes_to_the_free_node(first: str, second: str, tmp_path: Path) -> None:
    """Not to one that works, though it is preferred, whichever is written first."""
    cluster = Simulation(
        tmp_path / "cib.xml",
        service(first, "spare", '"node1", "node2", "node3"')
        + service(second, "spare", '"node2", "node3", "node1"'),
    )
    home = {f"{first}-app": ["node1"], f"{second}-app": ["node2"]}
    assert cluster.after() == home
    spare = home | {f"{first}-app": ["node3"]}
    assert cluster.after("--node-down=node1") == spare


def test_everywhere_is_on_its_nodes_and_others_follow(tmp_path: Path) -> None:
    """A copy on each node that is named; who is `with` it runs on one of them."""
    cluster = Simulation(
        tmp_path / "cib.xml",
        service("web", "everywhere", '"node1", "node2"')
        + service("entry", "standby", '"node3", "node2"', 'with = ["web"]\nafter = ["web"]'),
    )
    assert cluster.after() == {"web-app": ["node1", "node2"], "entry-app": ["node2"]}
