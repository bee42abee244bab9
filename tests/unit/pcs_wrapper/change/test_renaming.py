"""`takeover service rename`: in the cluster and in the description, or in neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, configuration, told
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

BEFORE = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a description that somebody may change."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text())
    file.chmod(0o640)
    return file


@pytest.fixture
def running(cluster: Cluster) -> Cluster:
    """Return the cluster that it describes."""
    cluster.state, cluster.cib = "running", BEFORE
    return cluster


def test_it_has_its_new_name_in_the_cluster_and_in_the_description(
    running: Cluster, takeover: Takeover, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old one stops first; the file keeps its mode and all that was not about the name."""
    running.when(PUSH, then=lambda: running.later("disabled"))
    running.when(PUSH, state=told("running").replace("shop", "store"))
    assert takeover("service", "rename", "shop", "store", file) == 0
    assert file.read_text() == EXAMPLE.read_text().replace("[services.shop", "[services.store")
    assert file.stat().st_mode & 0o777 == 0o640
    assert '<group id="store">' in running.cib
    printed = capsys.readouterr()
    assert "store: running on node1" in printed.out
    assert "the table [services.shop] → [services.store] and those in it" in printed.err
    assert takeover("drift", file) == 0


def test_what_does_not_stop_keeps_its_name_everywhere(
    running: Cluster, takeover: Takeover, file: Path
) -> None:
    """The description is changed last."""
    running.when(PUSH)
    running.when(PUSH)
    assert takeover("service", "rename", "shop", "store", file) == 1
    assert file.read_text() == EXAMPLE.read_text()
    assert configuration(running.cib) == configuration(BEFORE)


def test_a_dry_run_changes_nothing(
    running: Cluster, takeover: Takeover, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both pushes are shown."""
    assert takeover("service", "rename", "--dry-run", "shop", "store", file) == 0
    assert "pushing the stop of shop, to be removed afterwards" in capsys.readouterr().out
    assert running.writes == []
    assert file.read_text() == EXAMPLE.read_text()


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("store", "shop"), "describes no service 'store'; its services are shop"),
        (("shop", "shop"), "describes a service 'shop' already"),
        (("shop", "sh op"), "'sh op' cannot be the name of a service"),
        (("shop", "fence-power"), "'fence-power' cannot be the name of a service"),
    ],
)
def test_a_name_that_is_none_is_refused(
    names: tuple[str, str],
    reason: str,
    takeover: Takeover,
    file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before the cluster is asked for anything."""
    assert takeover("service", "rename", *names, file) == 2
    assert reason in capsys.readouterr().err
    assert takeover.said == []
    assert file.read_text() == EXAMPLE.read_text()


def test_a_file_that_cannot_be_written_is_told(
    running: Cluster, takeover: Takeover, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is to be changed in it, since the cluster has the new name."""
    running.when(PUSH, then=lambda: running.later("disabled"))

    def gone() -> None:
        file.rename(file.with_name("gone"))

    running.when(PUSH, state=told("running").replace("shop", "store"), then=gone)
    assert takeover("service", "rename", "shop", "store", file) == 1
    said = capsys.readouterr().err
    assert "the cluster has taken the new name, but" in said
    assert "[services.shop] → [services.store]" in said


def test_a_file_that_is_changed_meanwhile_is_left_to_who_changes_it(
    running: Cluster, takeover: Takeover, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An editor or git has written it while the service was renamed."""
    other = file.read_text() + "# a colleague's\n"
    running.when(PUSH, then=lambda: running.later("disabled"))
    running.when(
        PUSH, state=told("running").replace("shop", "store"), then=lambda: file.write_text(other)
    )
    assert takeover("service", "rename", "shop", "store", file) == 1
    assert file.read_text() == other
    said = capsys.readouterr().err
    assert f"the cluster has taken the new name, but {file} was changed meanwhile" in said
    assert "[services.shop] → [services.store]" in said
