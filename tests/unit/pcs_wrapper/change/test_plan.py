"""`takeover plan`: a change as it is seen before it is made."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import LIVE, Takeover

SIMULATED = Path(__file__).parents[1] / "crm_simulate"
SHOP = (LIVE / "shop.toml").read_text()
WIKI = """
[services.wiki]
pattern = "standby"
nodes = ["node2", "node1"]
budget = "30s"

[services.wiki.app]
command = ["/usr/bin/wiki"]

[services.wiki.address]
ip = "198.51.100.101"
"""


def answer(name: str, release: str = "2.1") -> str:
    """Return what crm_simulate really said."""
    return (SIMULATED / f"{name}-{release}.xml").read_text()


def change(description: Path, *replacements: tuple[str, str], more: str = "") -> None:
    """Edit a description."""
    text = description.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    description.write_text(text + more)


@pytest.fixture
def running(cluster: Cluster, live: str) -> Iterator[Cluster]:
    """Return a cluster that is as described; planning writes nothing."""
    cluster.state, cluster.cib = "running", live
    yield cluster
    assert cluster.writes == []


@pytest.mark.usefixtures("running")
def test_a_cluster_that_is_as_described_has_nothing_to_change(
    takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Exit code 0, and the scheduler is not even asked."""
    assert takeover("plan", description) == 0
    assert capsys.readouterr().out == "nothing to change\n"


def test_a_parameter_that_restarts_a_part_is_told_with_what_it_costs(
    running: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """patroni#1428: the key, the actions and their reason, the outage in its phases."""
    change(description, ('user = "postgres"', 'user = "pg"'))
    running.scheduled = (answer("nothing"), answer("parameter"))
    assert takeover("plan", description) == 3
    assert capsys.readouterr().out == (
        "services: 1 to change, 0 unchanged\n"
        "\n"
        "~ service shop\n"
        "    ~ app shop-app\n"
        "        user: postgres → pg\n"
        "\n"
        "What the cluster then does:\n"
        "  shop-app restarts on node1  (changed: user)\n"
        "  shop-address restarts on node1  (required shop-app start)\n"
        "\n"
        "What clients notice:\n"
        "  shop is not served for about 0.6 s (application 0.5, address 0.1; measured; "
        "at most 310 s)\n"
        "\n"
        "What a failure will cost clients:\n"
        "  shop, node fails: about 6.1 s (detect 4.8, fence 0.3, data 0.4, application 0.5, "
        "address 0.1; estimated; at most 335 s)\n"
        "  shop, application fails: about 0.8 s (detect 0.1, application 0.6, address 0.1; "
        "estimated; at most 345 s)\n"
    )


def test_a_parameter_that_is_reloaded_interrupts_nobody(
    running: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """That a restart is not needed is worth knowing before a change in the daytime."""
    change(description, ('stop_signal = "INT"', 'stop_signal = "TERM"'))
    running.scheduled = (answer("nothing"), answer("reload"))
    assert takeover("plan", description) == 3
    told = capsys.readouterr().out
    assert "shop-app reloads, and goes on running on node1  (changed: stop_signal)\n" in told
    assert "What clients notice" not in told


def test_a_new_service_is_told_in_whole_and_the_old_one_by_name(
    running: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """All parts start on one node: one line. Its outages are not known yet, and told so."""
    change(description, more=WIKI)
    created = answer("created").replace("two-", "wiki-")
    created = created.replace(
        '<rsc_action action="start" resource="wiki-filesystem" node="node2"/>', ""
    )
    running.scheduled = (answer("nothing"), created)
    assert takeover("plan", description) == 3
    told = capsys.readouterr().out
    assert told.startswith("services: 1 to create, 1 unchanged (shop)\n")
    assert "+ service wiki on node2, node1: app, address\n" in told
    assert "    app wiki-app: agent ocf:takeover:app, command /usr/bin/wiki\n" in told
    assert "What the cluster then does:\n  wiki starts on node2\n" in told
    assert (
        "  wiki, node fails: at most 205 s (application, address not measured yet)"
        " — budget 30 s: not known yet\n" in told
    )
    assert "shop, node fails" not in told


def test_a_removed_service_stops(
    running: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What it said is not repeated; that it stops in order first is told."""
    change(description, (SHOP[SHOP.index("[services.shop]") :], ""))
    running.scheduled = (answer("nothing"), answer("removed"))
    assert takeover("plan", description) == 3
    told = capsys.readouterr().out
    assert "- service shop on" not in told
    assert "- service shop: filesystem, app, address\n" in told
    assert "  shop stops on node1  (node availability)\n" in told
    assert "\nshop is stopped first, in order and with its own time limits, then removed.\n" in told


def test_a_removed_service_that_another_depends_on(
    running: Cluster, takeover: Takeover, live: str, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It is not stopped first; that order and time limits are gone is told, with the cure."""
    change(description, more=WIKI.replace("budget", 'after = ["shop"]\nbudget'))
    both = to_text(merge(etree.fromstring(live), read_description(description)))
    description.write_text(SHOP[: SHOP.index("[services.shop]")] + WIKI)
    running.cib = both
    running.scheduled = (answer("nothing"), answer("removed"))
    assert takeover("plan", description) == 3
    told = capsys.readouterr().out
    assert "its parts then stop in any order, with 20 s for each." in told


def test_what_the_cluster_does_anyway_is_not_laid_to_the_change(
    running: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A node that is being fenced while somebody plans is told, apart."""
    change(description, ('stop_signal = "INT"', 'stop_signal = "TERM"'))
    running.scheduled = (answer("fenced"), answer("fenced"))
    assert takeover("plan", description) == 3
    told = capsys.readouterr().out
    assert "The cluster then stops and starts nothing.\n" in told
    assert (
        "What the cluster does anyway, without this change:\n"
        "  node1 IS FENCED  (peer is no longer part of the cluster)\n"
        "  fence-rig moves from node1 to node2\n"
        "  shop moves from node1 to node2\n" in told
    )
    assert "What clients notice" not in told


@pytest.mark.usefixtures("running")
def test_a_budget_that_does_not_fit_is_told_even_without_a_change(
    takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The budget is in no CIB: it makes no difference, but it is a promise."""
    change(description, ('pattern = "standby"', 'pattern = "standby"\nbudget = "5s"'))
    assert takeover("plan", description) == 0
    assert capsys.readouterr().out == "nothing to change\nover their budget: shop\n"


@pytest.mark.parametrize("release", ["2.1", "3.0"])
def test_a_plan_is_made_from_a_file_without_a_cluster(
    release: str, cluster: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """CI needs neither root nor a cluster nor pcs."""
    takeover.machine = dataclasses.replace(takeover.machine, is_root=False)
    cluster.programs = {"crm_simulate", "env"}
    change(description, ("postgresql/15", "postgresql/17")) if release == "3.0" else None
    assert takeover("plan", description, "--cib", LIVE / f"{release}.xml") == 0
    change(description, ('user = "postgres"', 'user = "pg"'))
    cluster.cib = (LIVE / f"{release}.xml").read_text()
    cluster.scheduled = (answer("nothing", release), answer("parameter", release))
    assert takeover("plan", description, "--cib", LIVE / f"{release}.xml") == 3
    assert "user: postgres → pg" in capsys.readouterr().out
    assert cluster.writes == []


def test_without_a_scheduler_the_difference_is_told_all_the_same(
    cluster: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What is missing for more is named."""
    cluster.programs = set()
    change(description, more=WIKI)
    assert takeover("plan", description, "--cib", LIVE / "2.1.xml") == 3
    assert (
        "It is not known what the cluster then does: crm_simulate is not installed: "
        "apt install pacemaker-cli-utils\n" in capsys.readouterr().out
    )


def test_a_scheduler_that_takes_too_long_does_not_take_the_rest_away(
    cluster: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Thousands of resources can take it minutes; the difference is known before."""
    change(description, ('user = "postgres"', 'user = "pg"'))
    cluster.when("env", hangs=True)
    assert takeover("plan", description, "--cib", LIVE / "2.1.xml") == 3
    told = capsys.readouterr().out
    assert "user: postgres → pg" in told
    assert "It is not known what the cluster then does: `env CIB_file=" in told
    assert "did not finish within 300 s" in told


def test_json_has_all_that_is_told(
    running: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Differences, actions, outages with their phases: seconds, and where they come from."""
    change(description, ('user = "postgres"', 'user = "pg"'))
    running.scheduled = (answer("nothing"), answer("parameter"))
    assert takeover("plan", description, "--json") == 3
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert data["differences"] == [
        {
            "change": "changed",
            "what": "app",
            "name": "shop-app",
            "service": "shop",
            "facts": [{"name": "user", "old": "postgres", "new": "pg"}],
        }
    ]
    assert [(each["kind"], each["target"]) for each in data["actions"]] == [
        ("restart", "shop-app"),
        ("restart", "shop-address"),
    ]
    [shop] = data["services"]
    assert shop["touched"]
    assert list(shop["node_failure"]["phases"]) == [
        "detect", "fence", "data", "application", "address",
    ]  # fmt: skip
    assert shop["interrupted"]["total"]["source"] == "measured"
    assert shop["budget"] is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "cannot be read: No such file or directory"),
        ("schema = 1", "is not XML"),
        ("<pacemaker-result/>", "is not a CIB but <pacemaker-result>"),
    ],
)
def test_what_is_no_cib_is_refused(
    text: str | None, complaint: str, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The message says what would be right; exit code 2."""
    file = description.with_name("cib.xml")
    if text is not None:
        file.write_text(text)
    assert takeover("plan", description, "--cib", file) == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert "a whole CIB, as `pcs cluster cib FILE` writes it" in told


def test_no_cluster_running_is_exit_code_4(
    cluster: Cluster, takeover: Takeover, description: Path
) -> None:
    """Without a cluster, there is nothing to compare with."""
    cluster.state = "disconnected"
    assert takeover("plan", description) == 4


def test_a_hundred_services_are_readable(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each of many new services, a number for those that do not change."""
    head = SHOP[: SHOP.index("[services.shop]")]
    services = [
        WIKI.replace("wiki", f"s{number}").replace(".101", f".{number}")
        for number in range(101, 201)
    ]
    file, cib = tmp_path / "many.toml", tmp_path / "cib.xml"
    file.write_text(head + "".join(services))
    assert takeover("render", file) == 0
    cib.write_text(capsys.readouterr().out)
    changed = [text.replace('["/usr/bin/s150"]', '["/usr/bin/other"]') for text in services]
    file.write_text(head + "".join(changed))
    assert takeover("plan", file, "--cib", cib) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "services: 1 to change, 99 unchanged"
    assert len(lines) < 15
    file.write_text(head)
    assert takeover("plan", file, "--cib", cib) == 3
    assert len(capsys.readouterr().out.splitlines()) < 110
    assert takeover("render", file) == 0
    cib.write_text(capsys.readouterr().out)
    file.write_text(head + "".join(services))
    assert takeover("plan", file, "--cib", cib) == 3
    lines = capsys.readouterr().out.splitlines()
    # So many want a higher cluster-ipc-limit, too.
    assert lines[0] == "services: 100 to create, 0 unchanged; 2 other differences"
    assert lines[-1] == "  100 more services, of which none is known to exceed a budget: see --json"
    assert len(lines) < 110
