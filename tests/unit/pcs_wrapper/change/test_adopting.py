"""Taking over what others made is refused if it would be more than marks, or have effects."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.comparing.marks import beyond_marks, without_marks
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.change.test_plan import answer
from tests.unit.pcs_wrapper.conftest import Takeover


@pytest.fixture
def strange(cluster: Cluster, live: str) -> Cluster:
    """Return a cluster with the same service, which others made."""
    cluster.state = "running"
    cluster.cib = to_text(without_marks(etree.fromstring(live.encode())))
    return cluster


@pytest.fixture
def imported(
    strange: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Path:
    """Return the file with the description of that cluster."""
    assert takeover("import") == 0
    assert strange.writes == []
    file = tmp_path / "imported.toml"
    file.write_text(capsys.readouterr().out)
    return file


def test_what_only_gets_marks_is_taken_over(
    strange: Cluster, takeover: Takeover, imported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scheduler was asked first; and no device's failures are cleared, which would act."""
    before = etree.fromstring(strange.cib.encode())
    strange.scheduled = (answer("nothing"), answer("nothing"))
    assert takeover("apply", "--adopt", imported) == 0
    after = etree.fromstring(strange.cib.encode())
    assert beyond_marks(before, after).differences == ()
    assert not [call for call in strange.writes if "cleanup" in call]
    capsys.readouterr()
    strange.scheduled = None
    assert takeover("plan", imported) == 0
    assert takeover("import") == 0
    assert capsys.readouterr().out.endswith(imported.read_text().partition("\n\n")[2])


@pytest.mark.parametrize(
    ("kind", "what"), [("moved", "moves from"), ("removed", "stops on"), ("fenced", "is fenced")]
)
def test_what_would_stop_move_or_fence_is_refused_with_its_name(
    *,
    strange: Cluster,
    takeover: Takeover,
    imported: Path,
    kind: str,
    what: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is pushed; a plan tells it, too."""
    strange.scheduled = (answer("nothing"), answer(kind))
    assert takeover("apply", "--adopt", imported) == 1
    assert what in capsys.readouterr().err
    assert takeover("apply", "--adopt", "--dry-run", imported) == 1
    assert what in capsys.readouterr().err
    assert takeover("plan", "--adopt", imported) == 3
    told = capsys.readouterr().out
    assert "`takeover apply --adopt` refuses this:" in told
    assert what in told
    assert strange.writes == []


def test_what_the_cluster_does_anyway_hinders_nobody(
    strange: Cluster, takeover: Takeover, imported: Path
) -> None:
    """A move that is due without the adoption is not its doing."""
    strange.scheduled = (answer("moved"), answer("moved"))
    assert takeover("apply", "--adopt", imported) == 0


def test_a_change_beside_the_marks_is_refused_unless_it_is_wanted(
    strange: Cluster, takeover: Takeover, imported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the object and its values; an option of its own is for whoever wants both at once."""
    text = imported.read_text()
    imported.write_text(text.replace('user = "postgres"', 'user = "pg"'))
    strange.scheduled = (answer("nothing"), answer("nothing"))
    assert takeover("apply", "--adopt", imported) == 1
    told = capsys.readouterr().err
    assert "shop-app (user: postgres → pg)" in told
    assert "--adopt-with-changes" in told
    assert strange.writes == []
    assert takeover("apply", "--adopt-with-changes", imported) == 0
    assert 'value="pg"' in strange.cib


def test_without_a_scheduler_nothing_is_taken_over(
    strange: Cluster, takeover: Takeover, imported: Path
) -> None:
    """Nobody could say what would happen."""
    strange.programs.remove("crm_simulate")
    assert takeover("apply", "--adopt", imported) == 1
    assert strange.writes == []


def test_a_remote_node_is_not_one_that_the_description_lacks(
    strange: Cluster, takeover: Takeover, imported: Path
) -> None:
    """Pacemaker shows it among the nodes; for a description it is a resource of others."""
    nodes = "</nodes>"
    remote = '<node name="remote1" id="remote1" online="true" type="remote"/>'
    strange.state = strange.state.replace(nodes, f"{remote}{nodes}")
    strange.scheduled = (answer("nothing"), answer("nothing"))
    assert takeover("apply", "--adopt", imported) == 0


def test_a_single_resource_is_a_service_without_a_group(
    strange: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its plan tells the marks; left out of the description, it stops first and is removed."""
    single = '<primitive id="cups" class="systemd" type="cups"/>'
    strange.cib = strange.cib.replace("</resources>", f"{single}</resources>")
    assert takeover("import") == 0
    file = tmp_path / "imported.toml"
    file.write_text(capsys.readouterr().out)
    assert '[services.cups.app]\nid = "cups"\nagent = "systemd:cups"' in file.read_text()
    strange.scheduled = (answer("nothing"), answer("nothing"))
    assert takeover("plan", "--adopt", file) == 3
    told = capsys.readouterr().out
    assert "~ service cups\n    meta takeover: services.cups\n" in told
    assert "The cluster then stops and starts nothing." in told
