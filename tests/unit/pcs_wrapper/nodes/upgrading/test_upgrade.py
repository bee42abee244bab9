"""`takeover upgrade`: this node's packages, after its services have left, and back again."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from pcs_wrapper.pacemaker.pauses import pause_of
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import APT, PUSH
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.conftest import node_is, simulated
from tests.unit.pcs_wrapper.nodes.running.conftest import well, without
from tests.unit.pcs_wrapper.nodes.running.test_restart import operated
from tests.unit.pcs_wrapper.nodes.upgrading.conftest import (
    CONFIGURE,
    DOWNLOAD,
    INSTALL,
    REBOOT,
    START,
    STOP,
    happens,
    of_apt,
    turn,
)

_BOTH = "libpacemaker1 pacemaker"


def on(takeover: Takeover, node: str) -> Takeover:
    """Return the command line on another node, which keeps its own files."""
    machine = replace(takeover.machine, host=node, state=takeover.machine.state.parent / node)
    return replace(takeover, machine=machine)


def is_paused(cluster: Cluster, takeover: Takeover, node: str = "node1") -> bool:
    """Return whether a node is paused in the configuration."""
    return pause_of(etree.fromstring(cluster.cib), node, takeover.machine.now()) is not None


def test_the_services_leave_before_anything_is_installed(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the packages are there before they leave; afterwards the node runs services again."""
    happens(old)
    assert takeover("upgrade", "--yes") == 0
    captured = capsys.readouterr()
    assert old.writes == turn(_BOTH)
    assert captured.err.splitlines()[:4] == [
        "node1 is upgraded (the packages of the cluster):",
        "  libpacemaker1 2.1.5-1+deb12u1 to 2.1.6-1",
        "  pacemaker 2.1.5-1+deb12u1 to 2.1.6-1",
        "  no reboot is needed",
    ]
    assert "shop moves from node1 to node2" in captured.err
    assert "there is no way back" in captured.err
    assert captured.out.startswith("node1: drained after ")
    assert ", all well after " in captured.out
    assert captured.out.endswith(
        "not upgraded yet, as far as the history tells: node3, node2. Next, on node3: takeover "
        "upgrade\n"
    )
    assert not is_paused(old, takeover)
    assert not (takeover.machine.state / "upgrade.json").exists()


def test_every_node_knows_which_are_upgraded(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the history in the CIB; when all are, the next upgrade begins anew."""
    before = dict(old.packages)
    happens(old)
    assert takeover("upgrade", "--yes") == 0
    for node, left in (("node3", "node2"), ("node2", "")):
        old.packages = dict(before)
        old.state = well()
        old.when(PUSH, state=well(standby=node))
        old.when(STOP, state="disconnected")
        old.when(START, state=well(standby=node))
        old.when(PUSH, state=well())
        capsys.readouterr()
        assert on(takeover, node)("upgrade", "--yes") == 0
        out = capsys.readouterr().out
        if left:
            assert f"the history tells: {left}. Next, on {left}: takeover upgrade\n" in out
        else:
            assert out.endswith("all nodes are upgraded, and all is well\n")
    assert takeover("history", "--json") == 0
    changes = json.loads(capsys.readouterr().out)["checkpoints"]
    assert [each["command"] for each in changes] == ["upgrade", "node pause"] * 3
    assert changes[0]["message"].startswith("upgrade: libpacemaker1 2.1.5-1+deb12u1 to 2.1.6-1")
    old.packages = dict(before)
    assert takeover("upgrade", "--dry-run", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["done"], shown["left"]) == ([], ["node3", "node2", "node1"])


def test_an_upgrade_can_be_looked_at_first(
    old: Cluster, takeover: Takeover, told_json: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which packages from which to which version, what moves, and every command."""
    assert takeover("upgrade", "--dry-run") == 0
    commands = commands_of(capsys.readouterr().out)
    assert [each for each in commands if each in turn(_BOTH)] == [
        each for each in turn(_BOTH) if each != PUSH
    ]
    code, shown = told_json("upgrade", "--dry-run")
    assert code == 0
    assert shown["packages"][1] == {
        "name": "pacemaker", "old": "2.1.5-1+deb12u1", "new": "2.1.6-1",
    }  # fmt: skip
    assert shown["leaving"]["effects"][0]["kind"] == "moves"
    assert shown["need_reboot"] == []
    assert old.writes == []
    assert not (takeover.machine.state / "upgrade.json").exists()


@pytest.mark.parametrize(
    ("options", "names", "verb"),
    [
        (("nginx",), ["nginx"], of_apt(INSTALL, "--only-upgrade nginx")),
        (
            ("--system",),
            ["libpacemaker1", "pacemaker", "nginx"],
            of_apt(f"{APT} apt-get upgrade", "--with-new-pkgs"),
        ),
    ],
    ids=["named", "system"],
)
def test_other_packages_are_upgraded_in_the_same_way(
    options: tuple[str, ...], names: list[str], verb: str, *, old: Cluster, told_json: Any
) -> None:
    """One that is named, or all."""
    happens(old)
    code, done = told_json("upgrade", "--yes", *options)
    assert code == 0, done
    assert [each["name"] for each in done["packages"]] == names
    assert verb in old.writes


def test_nothing_is_done_where_there_is_nothing_to_upgrade(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """No service moves for nothing."""
    old.repository = {}
    assert takeover("upgrade") == 0
    captured = capsys.readouterr()
    assert captured.err == "node1: there is nothing to upgrade (the packages of the cluster)\n"
    assert captured.out == ""
    assert old.writes == []


def test_the_outage_is_measured(old: Cluster, told_json: Any) -> None:
    """When the service leaves, and when it comes back to a node that it prefers."""
    moved = operated(well("node2", standby="node1"), "node1", "stop", 10, 0.2)
    moved = operated(moved, "node2", "start", 12, 0.5)
    back = operated(moved, "node2", "stop", 40, 0.2)
    back = operated(back, "node1", "start", 43, 0.5).replace('standby="true"', 'standby="false"')
    old.when(PUSH, state=moved)
    old.when(STOP, state="disconnected")
    old.when(START, state=moved)
    old.when(PUSH, state=back)
    code, done = told_json("upgrade", "--yes")
    assert code == 0, done
    waits = [(each["service"], each["seconds"], each["returning"]) for each in done["waits"]]
    assert waits == [("shop", 2.5, False), ("shop", 3.5, True)]
    assert done["drained"] <= done["stopped"] <= done["installed"] <= done["back"] <= done["whole"]


def test_whoever_does_not_agree_upgrades_nothing(
    old: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """No answer is no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert takeover("upgrade") == 1
    assert capsys.readouterr().err.endswith("nothing was changed\n")
    assert old.writes == []


@pytest.mark.parametrize(
    ("sick", "says"),
    [
        (without(well(), "node3"), "node3 is OFFLINE"),
        (node_is(well(), "node2", maintenance='"true"'), "node2 is in maintenance mode"),
        (well(standby="node2"), "node2 is standby"),
    ],
    ids=["away", "maintenance", "another upgrade"],
)
def test_a_cluster_that_is_not_well_is_not_upgraded(
    sick: str, says: str, old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor while another node is upgraded, which is paused then."""
    old.state = sick
    assert takeover("upgrade", "--yes") == 1
    err = capsys.readouterr().err
    assert "a node is only upgraded while all is well:" in err
    assert says in err
    assert "To upgrade the node all the same: --even-so" in err
    assert old.writes == []


def test_a_service_that_can_run_nowhere_else_is_in_the_way(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its clients would wait for as long as apt takes."""
    stops = simulated("moved")
    for part in ("filesystem", "app", "address"):
        stops = stops.replace(
            f'action="move" resource="shop-{part}" source="node1" dest="node2"',
            f'action="stop" resource="shop-{part}" node="node1"',
        )
    old.scheduled = (simulated("nothing"), stops)
    assert takeover("upgrade", "--yes") == 1
    assert "shop would stop until node1 is back" in capsys.readouterr().err
    assert old.writes == []


@pytest.mark.parametrize(
    ("name", "version", "new", "fits"),
    [
        ("pacemaker", "2.1.5-1", "3.0.0-5", True),
        ("pacemaker", "1.1.24-1", "3.0.0-5", False),
        ("pacemaker", "3.0.0-5", "4.0.0-1", False),
        ("corosync", "3.1.7-1", "3.1.9-2", True),
        ("corosync", "3.1.9-2", "1:4.0.0-1", False),
        ("pcs", "0.11.5-1", "1.0.0-1", True),
    ],
)
def test_versions_that_cannot_be_mixed_are_refused(
    name: str, version: str, new: str, *, fits: bool, old: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """corosync#355, corosync#387: the node could not join the others; nothing overrides that."""
    old.packages[name], old.repository = (name, version), {name: new}
    if fits:
        happens(old)
        assert takeover("upgrade", "--yes") == 0
        return
    for option in ((), ("--even-so",)):
        assert takeover("upgrade", "--yes", *option) == 1
        err = capsys.readouterr().err
        assert f"{name} {version} to {new}: nodes with these two versions cannot be in one" in err
        assert "--even-so" not in err
    assert old.writes == []


def test_an_older_version_is_refused(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even apt goes back, as it is not told to; nor does the cluster's feature set."""
    said = "E: Packages were downgraded and -y was used without --allow-downgrades.\n"
    old.when(f"{APT} apt-get --simulate", exit_code=100, stderr=said)
    assert takeover("upgrade", "--yes") == 1
    err = capsys.readouterr().err
    assert "Packages were downgraded" in err
    assert "a cluster's feature set never goes back" in err
    assert old.writes == []


def test_a_mix_of_feature_sets_is_told(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cluster may run like that, and not for good; the last old node cannot come back old."""
    happens(old)
    newer = node_is(well("node2"), "node1", feature_set='"3.17.4"')
    old.events[-1].state = newer
    assert takeover("upgrade", "--yes") == 0
    out = capsys.readouterr().out
    assert "Pacemaker's feature sets: 3.17.4 on node1; 3.16.2 on node2, node3. The cluster" in out
    old.packages["pacemaker"] = ("pacemaker", "2.1.5-1+deb12u1")
    old.state = node_is(newer, "node3", feature_set='"3.17.4"')
    assert on(takeover, "node2")("upgrade", "--dry-run") == 0
    assert "Once node2 has left, it can join again only upgraded" in capsys.readouterr().out
    assert on(takeover, "node2")("upgrade", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["last_old"] is True


def test_what_is_not_installed_is_not_upgraded(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is it installed."""
    assert takeover("upgrade", "apache2", "pacemaker-doc") == 2
    assert "cannot be upgraded: apache2, pacemaker-doc" in capsys.readouterr().err
    assert takeover("upgrade", "--system", "nginx") == 2
    assert old.writes == []


def test_a_repository_that_cannot_be_read_changes_nothing(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What apt says is told."""
    old.when(f"{APT} apt-get update", exit_code=100, stderr="E: The repository is not signed.\n")
    assert takeover("upgrade", "--yes") == 1
    err = capsys.readouterr().err
    assert "The repository is not signed" in err
    assert "put the repositories of apt right first" in err
    assert old.writes == []


def test_packages_that_cannot_be_downloaded_move_no_service(
    old: Cluster, takeover: Takeover
) -> None:
    """They are downloaded first."""
    old.when(DOWNLOAD, exit_code=100, stderr="E: Failed to fetch\n")
    assert takeover("upgrade", "--yes") == 1
    assert old.writes == turn(_BOTH)[:1]
    assert not (takeover.machine.state / "upgrade.json").exists()


def test_a_service_that_does_not_leave_ends_the_upgrade(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is stopped or installed under it."""
    old.when(PUSH, state=well("node1", standby="node1"))
    assert takeover("upgrade", "--yes") == 1
    out = capsys.readouterr().out
    assert "HARM: shop still runs on node1" in out
    assert "the upgrade ended here." in out
    assert old.writes == turn(_BOTH)[:2]


def test_an_installation_that_fails_is_told_and_goes_on(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """With apt's words; meanwhile the node stays out, and its services run elsewhere."""
    happens(old)
    said = "dpkg: error processing package pacemaker (--configure):\n"
    old.when(INSTALL, exit_code=100, stderr=said)
    assert takeover("upgrade", "--yes") == 1
    err = capsys.readouterr().err
    assert "error processing package pacemaker" in err
    assert "`takeover upgrade` goes on" in err
    assert old.writes == turn(_BOTH)[:5]
    assert takeover("status") == 4
    assert any("its cluster is stopped, and the packages may" in each for each in takeover.warned)
    assert takeover("upgrade", "nginx", "--yes") == 1
    assert "To go on with it, name no package" in capsys.readouterr().err
    old.writes.clear()
    assert takeover("upgrade", "--yes") == 0
    assert old.writes == turn(_BOTH)[3:]
    assert "going on with the upgrade of node1 that alice began" in capsys.readouterr().err


def test_a_newer_version_puts_a_failed_installation_right(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What dpkg cannot configure is left to apt; without a network it goes on with what is here."""
    happens(old)
    old.when(INSTALL, exit_code=100, stderr="dpkg: error processing package pacemaker\n")
    assert takeover("upgrade", "--yes") == 1
    old.repository["pacemaker"] = "2.1.6-2"
    old.when(f"{APT} apt-get update", exit_code=100, stderr="E: Failed to fetch\n")
    old.when(CONFIGURE, exit_code=1, stderr="dpkg: error processing package pacemaker\n")
    assert takeover("upgrade", "--yes") == 0, capsys.readouterr()
    assert any("Failed to fetch" in each for each in takeover.warned)
    assert old.packages["pacemaker"][1] == "2.1.6-2"


def test_an_upgrade_does_not_go_on_when_another_node_is_lost_meanwhile(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """As long as its cluster runs, the node is needed."""
    old.when(PUSH, state=well("node2", standby="node1"))
    old.when(STOP, exit_code=1, stderr="Error: pacemaker is stuck\n")
    assert takeover("upgrade", "--yes") == 1
    done = list(old.writes)
    old.state = without(old.state, "node3")
    assert takeover("upgrade", "--yes") == 1
    assert "node3 is OFFLINE" in capsys.readouterr().err
    assert old.writes == done


def test_nothing_is_installed_under_services_that_have_come_back(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has brought the node back in between: they leave once more."""
    happens(old)
    del old.events[2:]
    old.when(INSTALL, exit_code=100, stderr="dpkg: error processing package pacemaker\n")
    assert takeover("upgrade", "--yes") == 1
    old.when(PUSH, state=well())
    old.state = well("node2", standby="node1")
    assert takeover("node", "resume", "node1") == 0
    old.writes.clear()
    happens(old)
    assert takeover("upgrade", "--yes") == 0, capsys.readouterr()
    assert old.writes == turn(_BOTH)


def test_a_cluster_that_is_just_stopping_is_waited_for(old: Cluster, takeover: Takeover) -> None:
    """As after a kill: the program that stops it goes on."""
    happens(old)
    stopping = node_is(well("node2", standby="node1"), "node1", shutdown='"true"')
    after = old.events[2:]
    del old.events[1:]
    old.when(STOP, state=stopping, then=killed)
    with pytest.raises(SystemExit):
        takeover("upgrade", "--yes")
    old.when(STOP, state="disconnected")
    old.events += after
    assert takeover("upgrade", "--yes") == 0
    assert old.writes == [*turn(_BOTH)[:3], *turn(_BOTH)[2:]]


def test_one_node_at_a_time_is_upgraded(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the others it is said whose turn it is, and how that is completed."""
    old.when(PUSH, state=well("node2", standby="node1"))
    old.when(STOP, exit_code=1, stderr="Error: pacemaker is stuck\n")
    assert takeover("upgrade", "--yes") == 1
    assert on(takeover, "node3")("upgrade", "--yes") == 1
    err = capsys.readouterr().err
    assert "the upgrade of node1 that alice began at 2026-11-24T20:00:00+00:00 is not" in err
    assert "To complete it: takeover upgrade on node1" in err
    assert takeover("node", "list") == 0
    assert "paused by alice on node1" in capsys.readouterr().out


def test_what_is_not_well_afterwards_leaves_the_node_paused(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first harm ends it; put right, the same command goes on."""
    happens(old)
    old.events[2].state = without(well("node2", standby="node1"), "node3")
    resumes = old.events.pop()
    assert takeover("upgrade", "--yes") == 1
    assert "HARM: node1 is left paused: node3: node3 is OFFLINE" in capsys.readouterr().out
    assert is_paused(old, takeover)
    old.state = well("node2", standby="node1")
    assert takeover("status") == 0
    assert any("not complete: the upgrade of node1" in each for each in takeover.warned)
    old.events.append(resumes)
    assert takeover("upgrade", "--yes") == 0
    assert not is_paused(old, takeover)


def test_a_reboot_is_made_if_it_is_needed_and_wanted(
    old: Cluster, takeover: Takeover, told_json: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Instead of a start; the next command completes the upgrade, and not before it is rebooted."""
    old.packages["libc6"], old.repository["libc6"] = ("glibc", "2.36-9"), "2.36-10"
    assert takeover("upgrade", "libc6", "--dry-run") == 0
    assert "a reboot is needed because of libc6: --reboot does it" in capsys.readouterr().out
    happens(old)
    after = old.events[2:]
    del old.events[2:]
    assert takeover("upgrade", "libc6", "--reboot", "--yes") == 0
    captured = capsys.readouterr()
    assert "then it is rebooted, because of libc6" in captured.err
    assert "node1 is rebooting. Then run takeover upgrade on it again" in captured.out
    assert old.writes == [*turn("libc6")[:5], REBOOT]
    code, done = told_json("upgrade", "--yes")
    assert (code, done["goes_on"]) == (0, "reboot")
    assert old.writes[6:] == [REBOOT]
    # What /run has is gone then.
    (takeover.machine.root / "run/takeover-not-rebooted").unlink()
    old.events += after
    code, done = told_json("upgrade", "--yes")
    assert (code, done["goes_on"], done["need_reboot"]) == (0, "", [])
    assert old.writes[7:] == [START, PUSH]


def test_a_reboot_that_is_not_wanted_is_told(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that was needed before."""
    (takeover.machine.root / "run").mkdir(parents=True)
    (takeover.machine.root / "run/reboot-required").touch()
    happens(old)
    assert takeover("upgrade", "--yes") == 0
    assert "node1 still needs a reboot because of /run/reboot-required" in capsys.readouterr().out
    assert REBOOT not in old.writes


def test_a_new_takeover_completes_its_own_upgrade(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old one cannot: what it has not loaded yet is another version's now."""
    old.packages["takeover"], old.repository = ("takeover", "0.1"), {"takeover": "0.2"}
    happens(old)
    after = old.events[2:]
    del old.events[2:]
    assert takeover("upgrade", "--yes") == 0
    assert "Run takeover upgrade again: the new version completes it" in capsys.readouterr().out
    old.events += after
    assert takeover("upgrade", "--yes") == 0
    assert old.writes == turn("takeover")


def killed() -> None:
    """End a command as SIGKILL does: nothing after it is done."""
    raise SystemExit(137)


_PLACES = (PUSH, STOP, CONFIGURE, INSTALL, START)
_MOMENTS = [(place, after) for place in _PLACES for after in (False, True)]


@pytest.mark.parametrize(("place", "after"), _MOMENTS, ids=[f"{p[-9:]}-{a}" for p, a in _MOMENTS])
def test_an_upgrade_that_was_killed_is_told_and_goes_on(
    place: str, *, after: bool, old: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Before or after each command: nothing is forgotten, or installed under services."""
    happens(old)
    event = next((each for each in old.events if each.command == place), None)
    if event is None:
        old.when(place)
        event = old.events[-1]
    if after:
        event.then = killed
    else:
        event.before = killed
    with pytest.raises(SystemExit):
        takeover("upgrade", "--yes")
    if not after:
        # It was killed before the program did anything.
        old.events.insert(0, type(event)(event.command, state=event.state))
        old.writes.pop()
    if place == PUSH and not after:
        assert not is_paused(old, takeover)
    assert takeover("upgrade", "--yes") == 0, capsys.readouterr()
    assert "going on with the upgrade of node1 that alice began" in capsys.readouterr().err
    order = [each for each in old.writes if each in (PUSH, STOP, START) or "apt-get inst" in each]
    wanted = [each for each in turn(_BOTH) if each in (PUSH, STOP, START) or "apt-get inst" in each]
    assert list(dict.fromkeys(order)) == list(dict.fromkeys(wanted))
    assert order[-1] == PUSH
    assert not is_paused(old, takeover)
    assert old.packages["pacemaker"][1] == "2.1.6-1"
    assert not (takeover.machine.state / "upgrade.json").exists()


def test_an_upgrade_that_is_not_complete_can_be_forgotten(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else is changed: the node stays paused, which is said."""
    old.when(PUSH, state=well("node2", standby="node1"))
    old.when(STOP, exit_code=1, stderr="Error: pacemaker is stuck\n")
    assert takeover("upgrade", "--yes") == 1
    assert takeover("upgrade", "--forget") == 0
    out = capsys.readouterr().out
    assert out.startswith("forgotten: the upgrade of node1 that alice began")
    assert "takeover node resume node1" in out
    assert takeover("upgrade", "--forget") == 2
    assert is_paused(old, takeover)


def test_a_machine_with_another_name_is_told(
    old: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It cannot be told which node it is."""
    assert on(takeover, "node9")("upgrade") == 1
    assert "the cluster shop has no such node" in capsys.readouterr().err
    assert old.writes == []
