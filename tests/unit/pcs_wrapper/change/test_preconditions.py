"""What keeps a description from being applied: everything is found at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cib_templates.reading.reading import read_description
from pcs_wrapper.change.prepare import prepare
from pcs_wrapper.errors import NotApplicable
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

NODE4 = ("node3", "node4")


def found(takeover: Takeover, folder: Path, *replacements: tuple[str, str]) -> list[str]:
    """Return the codes of what keeps the example, with some texts replaced, from being applied."""
    text = EXAMPLE.read_text()
    for old, new in replacements:
        text = text.replace(old, new)
    file = folder / "cluster.toml"
    file.write_text(text)
    with pytest.raises(NotApplicable) as caught:
        prepare(takeover.machine, read_description(file))
    assert all(each.message and each.hint for each in caught.value.findings)
    assert all(each.message in str(caught.value) for each in caught.value.findings)
    return [each.code for each in caught.value.findings]


def test_everything_is_found_at_once(cluster: Cluster, takeover: Takeover, tmp_path: Path) -> None:
    """Another name, other nodes, missing agents: one answer, with a code for each."""
    (takeover.machine.agents / "app").unlink()
    cluster.programs.remove("fence_apc")
    cluster.state, cluster.cib = "cluster-only", LIVE
    renamed = ('name = "shop"', 'name = "store"')
    assert found(takeover, tmp_path, NODE4, renamed) == [
        "nodes-differ",
        "cluster-name-differs",
        "fence-agent-missing",
        "agent-missing",
    ]


def test_of_another_cluster_nothing_is_said_to_be_in_the_way(
    cluster: Cluster, takeover: Takeover, tmp_path: Path
) -> None:
    """Its resources are none of the description's business: first, it is the wrong cluster."""
    taken = LIVE.replace('id="printer"', 'id="shop"').replace('rsc="printer"', 'rsc="shop"')
    cluster.state, cluster.cib = "cluster-only", taken
    assert found(takeover, tmp_path, NODE4) == ["nodes-differ"]
