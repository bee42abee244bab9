"""`takeover node add`: authenticated, nothing old on it, and nothing runs before it is fenced."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cib_templates.reading.reading import read_description
from pcs_wrapper.pacemaker.pauses import Pause, pause_of
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.pcsd import Machines, Pcsd
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.conftest import node_is
from tests.unit.pcs_wrapper.nodes.membership.conftest import joined, killed, well
from tests.unit.pcs_wrapper.nodes.running.conftest import without

LINKS = ("--address", "198.51.100.14", "--address", "203.0.113.14")
AUTH = "pcs host auth node4 addr=198.51.100.14 -u hacluster"
ADD = "pcs cluster node add node4 addr=198.51.100.14 addr=203.0.113.14"
START = "pcs cluster start node4 --wait=120 --request-timeout=480"
ASK_DESTROY = ("198.51.100.14", "/remote/cluster_destroy")
OTHER = (
    "totem {\n    cluster_name: shed\n}\nnodelist {\n    node {\n        name: node4\n    }\n}\n"
)


@pytest.fixture
def known(shop: Cluster, machines: Machines) -> Cluster:
    """Return a cluster whose node is authenticated to node4, and whose device knows node4."""
    machines.know("node4", "198.51.100.14")
    shop.cib = shop.cib.replace('value="node1,node2,node3"', 'value="node1,node2,node3,node4"')
    shop.machines["node4"] = "on"
    return shop


def comes(cluster: Cluster) -> None:
    """Let node4 be a member as soon as it is started."""
    cluster.when(START, state=joined(well()))


def held(cluster: Cluster) -> bool:
    """Return whether node4 is kept from running anything."""
    live = etree.fromstring(cluster.cib)
    return pause_of(live, "node4", None) == Pause(keeps=True)  # type: ignore[arg-type]


def test_a_machine_becomes_a_node(
    known: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is kept from running anything until a device says that it can fence it."""
    was_held = []
    known.when(ADD, then=lambda: was_held.append(held(known)))
    comes(known)
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "node4 (198.51.100.14, 203.0.113.14) becomes a node of the cluster shop",
        "  no service is interrupted, and it runs nothing before it is known what fences it",
        "  it has pacemaker 2.1.5, corosync 3.1.7, pcsd 0.11.5",
    ]
    assert captured.out.splitlines() == [
        "node4 is a node now; what can fence it: fence-rig",
        "in the description, add:",
        "  [nodes.node4]",
        '  links = ["198.51.100.14", "203.0.113.14"]',
        "services run on it when the description says so (their key nodes): takeover apply FILE",
    ]
    assert known.writes == [PUSH, ADD, START, PUSH]
    assert was_held == [True]
    assert not held(known)


def test_a_wrong_password_changes_nothing(
    shop: Cluster, machines: Machines, takeover: Takeover, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whoever cannot authenticate is refused; nothing is asked of the machine either."""
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text("wrong\n")
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--password-file", password) == 1
    err = capsys.readouterr().err
    assert "Username and/or password is incorrect" in err
    assert "Nothing was changed" in err
    assert shop.writes == [AUTH]
    assert not [each for each in machines.asked if each[0].endswith(".14")]


def test_whoever_is_no_node_yet_is_authenticated_first(
    known: Cluster, machines: Machines, takeover: Takeover, tmp_path: Path,
) -> None:  # fmt: skip
    """Also if pcs knows another machine by this name, or an old token."""
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text(f"{known.password}\n")
    machines.know("node4", "203.0.113.99")
    comes(known)
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--password-file", password) == 0
    assert known.writes == [AUTH, PUSH, ADD, START, PUSH]


def test_a_machine_that_no_device_knows_runs_nothing(
    shop: Cluster, machines: Machines, takeover: Takeover, told_json: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It is held, that is told, and the same command ends it when it is described."""
    machines.know("node4", "198.51.100.14")
    comes(shop)
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 0
    out = capsys.readouterr().out
    assert out.startswith("node4 is a node now, and runs nothing: no fencing device knows it\n")
    assert held(shop)
    shop.cib = shop.cib.replace('value="node1,node2,node3"', 'value="node1,node2,node3,node4"')
    shop.machines["node4"] = "on"
    shop.writes.clear()
    code, done = told_json("node", "add", "node4", "--yes")
    assert (code, done["fenced_by"], done["held"]) == (0, ["fence-rig"], False)
    assert shop.writes == [PUSH]
    assert not held(shop)
    shop.pcsd["node2"] = "Offline"
    assert takeover("node", "add", "node4") == 0
    assert capsys.readouterr().out == "node4 was a node already\n"


def test_the_configuration_of_another_cluster_is_told_and_kept(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is on the machine may be somebody's; --force of pcs would mix the two."""
    machines.pcsds["198.51.100.14"] = Pcsd(config=OTHER)
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--even-so") == 1
    err = capsys.readouterr().err
    assert "node4 has the configuration of the cluster shed (node4)" in err
    assert "--replace" in err
    assert known.writes == []
    assert ASK_DESTROY not in machines.asked


def test_it_is_destroyed_before_anything_else_when_that_is_asked_for(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that no old CIB can win when the node joins."""
    pcsd = machines.pcsds["198.51.100.14"] = Pcsd(config=OTHER)
    pcsd.services["pacemaker"]["running"] = True
    comes(known)
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--replace") == 0
    assert (
        "DESTROYED ON IT: the configuration of the cluster shed (node4), and pacemaker runs there"
        in capsys.readouterr().err
    )
    assert pcsd.config == ""
    assert ASK_DESTROY in machines.asked
    assert known.writes == [PUSH, ADD, START, PUSH]


def test_what_cannot_be_destroyed_stops_it(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """That pcsd says that it was done is not believed."""
    machines.pcsds["198.51.100.14"] = Pcsd(config=OTHER, keeps=True)
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--replace") == 1
    assert "the old configuration is still on node4" in capsys.readouterr().err
    assert known.writes == []


@pytest.mark.parametrize(
    ("service", "version", "says", "forced"),
    [
        ("pacemaker", "2.0.5", "node4 has Pacemaker 2.0.5, and node1 has 2.1.5", False),
        ("pacemaker", "3.0.0", "older nodes cannot come back", True),
        ("corosync", "2.4.5", "these do not talk to each other", False),
    ],
)
def test_another_version_is_refused(
    *, service: str, version: str, says: str, forced: bool, known: Cluster, machines: Machines,
    takeover: Takeover, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What `pcs cluster node add` does not compare."""
    machines.pcsds["198.51.100.14"].services[service]["version"] = version
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 1
    err = capsys.readouterr().err
    assert says in err
    assert ("--even-so" in err) == forced
    if forced:
        comes(known)
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--even-so") == (0 if forced else 1)
    assert bool(known.writes) == forced


def test_missing_packages_and_agents_are_named(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to run on it."""
    pcsd = machines.pcsds["198.51.100.14"]
    pcsd.services["pacemaker"]["installed"] = False
    pcsd.agents = (("ocf", "takeover", "app"), ("stonith", None, "fence_apc"))
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--even-so") == 1
    err = capsys.readouterr().err
    assert "On node4: apt install pacemaker" in err
    missing = "ocf:takeover:filesystem, ocf:takeover:ip, stonith:fence_takeover_rig"
    assert f"node4 lacks {missing}" in err
    assert "On node4: takeover agents install" in err
    assert known.writes == []


def test_sbd_and_the_start_at_boot_are_as_on_this_node(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#461: it takes neither the watchdog nor the disks from the other nodes."""
    known.enabled = {"sbd", "pacemaker"}
    machines.pcsds["198.51.100.12"].services["sbd"]["installed"] = True
    settings = machines.root / "etc/default/sbd"
    settings.parent.mkdir(parents=True)
    settings.write_text('SBD_DEVICE="/dev/disk/a;/dev/disk/b"\nSBD_WATCHDOG_DEV=/dev/watchdog1\n')
    assert takeover("node", "add", "node4", *LINKS, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "node4 lacks sbd" in out
    words = "watchdog=/dev/watchdog1 device=/dev/disk/a device=/dev/disk/b --enable"
    assert f"{ADD} {words}" in commands_of(out)


def test_a_cluster_whose_files_differ_is_given_no_node(
    known: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """crmsh#2135: pcs would send this node's corosync.conf to all, over another one."""
    known.other_confs["node2"] = "totem {\n}\n"
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 1
    assert "file on node2 is another one than on node1" in capsys.readouterr().err
    assert known.writes == []


def test_sbd_with_watchdogs_alone_needs_a_tie_breaker_for_an_even_number(
    known: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#461: pcs would find that only when the machine's old configuration is destroyed."""
    known.enabled = {"sbd"}
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--even-so") == 1
    assert "Add a witness first: takeover witness add HOST" in capsys.readouterr().err
    assert known.writes == []


def test_files_that_the_configuration_names_are_named(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as passwords, which no command sends."""
    place = 'name="pcmk_reboot_timeout" value="60s"/>'
    file = '<nvpair id="x" name="password_script" value="/etc/takeover/switch"/>'
    known.cib = known.cib.replace(place, place + file)
    (machines.root / "etc/takeover").mkdir(parents=True)
    (machines.root / "etc/takeover/switch").touch()
    assert takeover("node", "add", "node4", *LINKS, "--dry-run") == 0
    assert "    /etc/takeover/switch\n" in capsys.readouterr().out


def test_it_can_be_looked_at_first(
    *, known: Cluster, machines: Machines, takeover: Takeover, told_json: Any, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Nothing is changed; who is not authenticated is told that too."""
    before = description.read_text()
    arguments = ("node", "add", "node4", *LINKS, "--dry-run", "--description", str(description))
    code, shown = told_json(*arguments)
    assert (code, shown["authenticated"], shown["edits"]) == (
        0, True, ["the table [nodes.node4]"],
    )  # fmt: skip
    assert shown["versions"]["pacemaker"] == "2.1.5"
    machines.pcsds["198.51.100.14"].refuses = True
    assert takeover(*arguments) == 0
    out = capsys.readouterr().out
    assert "what node4 has is known only when this node is authenticated to it" in out
    assert commands_of(out)[-1] != AUTH
    assert AUTH in commands_of(out)
    assert known.writes == []
    assert description.read_text() == before


def test_the_description_is_edited_in_place(
    known: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its comments, and after the other nodes; a second time it has it already."""
    comes(known)
    arguments = ("node", "add", "node4", "--yes", "--description", description)
    assert takeover(*arguments, *LINKS) == 0
    text = description.read_text()
    assert text.startswith("# The demo's cluster, whose live CIBs are beside this file.\n")
    assert list(read_description(description).nodes) == ["node1", "node2", "node3", "node4"]
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"takeover apply {description}")
    assert takeover(*arguments) == 0
    assert f"{description} has node4 already" in capsys.readouterr().err
    assert description.read_text() == text


def test_a_description_that_has_the_node_says_its_addresses(
    known: Cluster, takeover: Takeover, description: Path
) -> None:
    """Nothing is edited then."""
    links = 'links = ["198.51.100.14", "203.0.113.14"]'
    text = description.read_text().replace(
        "[fencing.rig]", f"[nodes.node4] # the new one\n{links}\n\n[fencing.rig]"
    )
    description.write_text(text)
    comes(known)
    assert takeover("node", "add", "node4", "--yes", "--description", description) == 0
    assert ADD in known.writes
    assert description.read_text() == text


def test_a_description_in_which_nothing_fences_it_is_shown_and_not_written(
    known: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has to say what does."""
    text = description.read_text().replace(
        'agent = "fence_takeover_rig"',
        'agent = "fence_takeover_rig"\nnodes = ["node1", "node2", "node3"]',
    )
    description.write_text(text)
    comes(known)
    assert takeover("node", "add", "node4", "--yes", *LINKS, "--description", description) == 0
    err = capsys.readouterr().err
    assert f"{description} has to be changed by hand" in err
    assert "no fencing device can fence this node" in err
    assert "  [nodes.node4]\n" in err
    assert description.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("node4",), 2, "which addresses does node4 have? Give one for each link"),
        (("node4", *LINKS[:2]), 2, "node4 has 1 addresses here, and needs one for each link"),
        (("node4", *LINKS[:3], "203.0.113.12"), 2, "203.0.113.12 is an address of node2"),
        (("node1", *LINKS), 1, "node1 is the node that this runs on"),
        (("node2", *LINKS), 2, "node2 has the addresses 198.51.100.12, 203.0.113.12 in Corosync"),
    ],
)
def test_arguments_that_do_not_fit(
    *, arguments: tuple[str, ...], code: int, says: str, known: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """With what is right."""
    assert takeover("node", "add", *arguments, "--yes") == code
    assert says in capsys.readouterr().err
    assert known.writes == []


def test_a_node_that_is_off_is_started_and_not_added(
    known: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is one already."""
    known.state = without(well(), "node3")
    assert takeover("node", "add", "node3", "--yes") == 1
    assert "To start it: takeover cluster start node3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "votes", "says"),
    [
        (node_is(without(well(), "node3"), "node3", unclean='"true"'), "", "must be fenced"),
        (without(well(), "node3"), "Total votes:      2", "the cluster needs 3 votes, and has 2"),
    ],
    ids=["a node is unclean", "one more would be too many"],
)
def test_a_cluster_that_would_be_hurt_takes_no_node(
    *, state: str, votes: str, says: str, known: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Four nodes need three votes, which two of them do not have until the fourth has joined."""
    known.state = state
    known.votes = known.votes.replace("Total votes:      3", votes or "Total votes:      3")
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 1
    assert says in capsys.readouterr().err
    assert known.writes == []


def test_a_node_whose_pcsd_is_silent_would_not_be_told(
    known: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every node has to get the new configuration of Corosync."""
    known.pcsd["node3"] = "Offline"
    assert takeover("node", "add", "node4", *LINKS, "--yes", "--even-so") == 1
    assert "pcsd does not answer on node3" in capsys.readouterr().err
    assert known.writes == []


def test_a_machine_that_does_not_answer_is_told(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed."""
    machines.pcsds["198.51.100.14"].is_silent = True
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 1
    assert "pcsd does not answer on node4 (198.51.100.14: No route" in capsys.readouterr().err
    assert known.writes == []


def test_whoever_does_not_agree_adds_nothing(
    known: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """No answer is no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert takeover("node", "add", "node4", *LINKS) == 1
    assert capsys.readouterr().err.endswith("nothing was changed in the cluster or on node4\n")
    assert known.writes == []


def test_a_service_that_was_interrupted_keeps_the_node_from_running_anything(
    known: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when a node was fenced meanwhile."""
    event = (
        '<fence_history><fence_event action="reboot" target="node3" client="x" origin="node2" '
        'status="success" delegate="node2" completed="2026-11-24 19:59:00Z"/></fence_history>'
    )
    head, found, rest = joined(well()).rpartition("<status ")
    known.when(START, state=f"{head}{event}{found}{rest}")
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 1
    out = capsys.readouterr().out
    assert "node3 was fenced" in out
    assert "node4 is still kept from running anything" in out
    assert held(known)


def test_an_addition_that_was_killed_before_pcs_goes_on(
    known: Cluster, machines: Machines, takeover: Takeover
) -> None:
    """What pcs has left on the machine alone is destroyed without being asked: it is this one's."""
    known.when(PUSH, then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "add", "node4", *LINKS, "--yes")
    assert held(known)
    pcsd = machines.pcsds["198.51.100.14"] = Pcsd(config=OTHER.replace("shed", "shop"))
    comes(known)
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 0
    assert pcsd.config == ""
    assert known.writes == [PUSH, ADD, START, PUSH]


def test_an_addition_that_was_killed_in_pcs_is_finished(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some nodes may not have the new configuration of Corosync yet, or not have loaded it."""
    known.when(ADD, then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "add", "node4", *LINKS, "--yes")
    machines.pcsds["198.51.100.14"].config = OTHER.replace("shed", "shop")
    known.other_confs["node2"] = "totem {\n}\n"
    comes(known)
    assert takeover("node", "add", "node4", "--yes") == 0
    assert "an addition of node4 was interrupted" in capsys.readouterr().err
    finish = ["pcs cluster sync corosync", "pcs cluster reload corosync", START, PUSH]
    assert known.writes == [PUSH, ADD, *finish]
    assert ASK_DESTROY not in machines.asked


def test_an_addition_to_which_pcs_goes_on_alone_is_not_destroyed(
    known: Cluster, machines: Machines, takeover: Takeover
) -> None:
    """It gives the machine and all nodes the configuration while the machine is looked at."""
    known.when(PUSH, then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "add", "node4", *LINKS, "--yes")
    pcsd = machines.pcsds["198.51.100.14"] = Pcsd(config=OTHER.replace("shed", "shop"))

    def goes_on() -> None:
        node = {
            **known.config["nodes"][2],
            "name": "node4",
            "addrs": [
                {"addr": address, "link": f"{number}", "type": "IPv4"}
                for number, address in enumerate(LINKS[1::2])
            ],
        }
        known.config = known.config | {"nodes": [*known.config["nodes"], node]}

    known.when("pcs pcsd status", then=goes_on)
    comes(known)
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 0
    assert pcsd.config
    assert ADD not in known.writes


def test_a_node_whose_configuration_was_destroyed_meanwhile_is_added_again(
    known: Cluster, takeover: Takeover
) -> None:
    """Without the keys, which only an addition sends, it could not start."""
    known.when(ADD, then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "add", "node4", *LINKS, "--yes")
    comes(known)
    assert takeover("node", "add", "node4", "--yes") == 0
    assert known.writes == [PUSH, ADD, "pcs cluster node remove node4", ADD, START, PUSH]


def test_an_addition_that_was_killed_after_the_start_is_finished(
    known: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a member, and runs nothing."""
    known.when(START, state=joined(well()), then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "add", "node4", *LINKS, "--yes")
    assert takeover("node", "add", "node4", "--yes") == 0
    assert "node4 is a member of the cluster shop, and takes nothing new" in capsys.readouterr().err
    assert known.writes == [PUSH, ADD, START, PUSH]
    assert not held(known)


def test_the_pcs_of_a_killed_command_may_be_faster(known: Cluster, takeover: Takeover) -> None:
    """That it has added the node is no failure of the next command."""

    def is_faster() -> None:
        node = {**known.config["nodes"][2], "name": "node4", "nodeid": "4"}
        known.config = known.config | {"nodes": [*known.config["nodes"], node]}

    known.when(ADD, before=is_faster)
    comes(known)
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 0
    assert known.writes == [PUSH, ADD, "pcs cluster reload corosync", START, PUSH]


@pytest.mark.parametrize("tells", [True, False])
def test_the_witness_must_be_known(
    known: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str],
    *, tells: bool,
) -> None:  # fmt: skip
    """It gives the node its certificate, and the node needs the package.

    crmsh#1981: a node that was removed is given a certificate again by whichever node adds it, and
    whether that one can is known before anything is changed. Some pcsd tell of no node that it has
    the package, though every one has it.
    """
    for member in ("198.51.100.11", "198.51.100.12", "198.51.100.13"):
        machines.pcsds[member].services["qdevice"]["installed"] = tells
    known.config = known.config | {
        "quorum_device": {
            "model": "net",
            "model_options": {"host": "witness"},
            "generic_options": {},
            "heuristics_options": {},
        }
    }
    known.config_files[str(takeover.machine.corosync_conf)] = known.config
    assert takeover("node", "add", "node4", *LINKS, "--yes") == 1
    err = capsys.readouterr().err
    assert "Run: pcs host auth witness -u hacluster" in err
    assert ("On node4: apt install corosync-qdevice" in err) == tells
    assert known.writes == []
