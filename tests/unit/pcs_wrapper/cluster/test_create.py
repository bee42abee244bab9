"""`takeover cluster create`: the exact pcs commands, repeatable, never in another cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import CONFIG, PUSH, configuration, told
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

AUTH = (
    "pcs host auth node1 addr=198.51.100.11 node2 addr=198.51.100.12 node3 addr=198.51.100.13 "
    "-u hacluster"
)
SETUP = (
    "pcs cluster setup shop node1 addr=198.51.100.11 addr=203.0.113.11 node2 addr=198.51.100.12 "
    "addr=203.0.113.12 node3 addr=198.51.100.13 addr=203.0.113.13 transport knet totem token=1000 "
    "--enable --start --wait=120"
)
START = "pcs cluster start --all --wait=120 --request-timeout=180"
ENABLE = "pcs cluster enable --all"
WAIT = "crm_resource --wait --timeout=120"
CREATED = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE), services=False))


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """Return a private file with a password."""
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("hunter2\n")
    return file


def test_a_new_cluster_is_created(
    cluster: Cluster, takeover: Takeover, password_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Authenticate, set up, wait for all nodes, push properties and fencing, wait for these."""
    cluster.state, cluster.cib = "disconnected", LIVE
    cluster.when("pcs cluster setup", then=lambda: cluster.later("joining", "empty"))
    cluster.when("crm_resource --wait", state="cluster-only")
    assert takeover("cluster", "create", EXAMPLE, "--password-file", password_file) == 0
    assert cluster.writes == [AUTH, SETUP, PUSH]
    assert WAIT in cluster.calls[cluster.calls.index(PUSH) :]
    [pushed] = cluster.pushes
    assert pushed.state == told("empty"), "all nodes are online"
    assert 'id="fence-power"' in pushed.after
    assert '<group id="shop">' not in pushed.after
    assert configuration(cluster.cib) == configuration(CREATED)
    assert "fence-power (stonith:fence_apc): Started on node2" in capsys.readouterr().out
    assert takeover.said == [
        "authenticating to pcsd on node1, node2, node3: up to 60 s",
        "setting up the cluster shop and starting it: up to 120 s",
        "waiting up to 120 s for quorum and all nodes",
        "pushing cluster properties and fencing devices",
        "waiting up to 120 s for the fencing devices",
    ]


def test_a_missing_fence_agent_is_told_before_anything_is_done(
    cluster: Cluster, takeover: Takeover, password_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A cluster whose fencing cannot start would be made for nothing."""
    cluster.programs.remove("fence_apc")
    assert takeover("cluster", "create", EXAMPLE, "--password-file", password_file) == 1
    assert cluster.writes == []
    error = capsys.readouterr().err
    assert error.startswith("fence_apc is not installed on this machine. ")
    assert "Debian 12: fence-agents" in error


def test_a_missing_package_is_told_at_once(
    cluster: Cluster, takeover: Takeover, password_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """crmsh#1674: here before anything is run, elsewhere by pcs before anything is set up."""
    arguments = ("cluster", "create", EXAMPLE, "--password-file", password_file)
    cluster.programs.remove("crm_mon")
    assert takeover(*arguments) == 1
    assert "apt install pacemaker-cli-utils" in capsys.readouterr().err
    assert cluster.calls == []
    cluster.programs.add("crm_mon")
    cluster.state = "disconnected"
    said = "Error: node2: Required cluster services not installed: 'corosync', 'pacemaker'\n"
    cluster.when(SETUP, exit_code=1, stderr=said)
    assert takeover(*arguments) == 1
    assert "node2: Required cluster services not installed" in capsys.readouterr().err
    assert cluster.writes == [AUTH, SETUP]
    assert cluster.seconds == 0, "nobody waited"


def test_a_second_run_destroys_nothing(cluster: Cluster, takeover: Takeover) -> None:
    """linux-system-roles/ha_cluster#175: what is described and there is started if need be."""
    takeover.machine.corosync_conf.touch()
    cluster.state = "disconnected"
    cluster.cib = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))
    cluster.when(START, state="running")
    assert takeover("cluster", "create", EXAMPLE) == 0
    assert cluster.writes == [START, ENABLE]
    assert WAIT in cluster.calls


@pytest.mark.parametrize("difference", [{"cluster_name": "other"}, {"nodes": CONFIG["nodes"][:2]}])
def test_a_different_cluster_is_refused(
    difference: dict[str, object], cluster: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A machine that belongs to another cluster is left as it is."""
    takeover.machine.corosync_conf.touch()
    cluster.state = "disconnected"
    cluster.config |= difference
    assert takeover("cluster", "create", EXAMPLE) == 1
    assert cluster.writes == []
    error = capsys.readouterr().err
    assert error.startswith("this machine already belongs to the cluster")
    assert "Nothing was changed" in error


def test_debian_s_example_cluster_is_told_as_such(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fresh Debian has a cluster configuration that nobody made: the cure is named."""
    takeover.machine.corosync_conf.touch()
    cluster.state = "disconnected"
    nodes = [{"name": "node1", "addrs": [{"addr": "127.0.0.1", "link": "0"}]}]
    cluster.config |= {"cluster_name": "debian", "nodes": nodes}
    assert takeover("cluster", "create", EXAMPLE) == 1
    assert cluster.writes == []
    assert capsys.readouterr().err == (
        "this machine still has the example cluster of Debian's package corosync. "
        "Remove it on every node, then run this again: pcs cluster destroy\n"
    )


def test_a_dry_run_prints_the_commands(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is run; the exact commands are printed."""
    assert takeover("cluster", "create", "--dry-run", EXAMPLE) == 0
    assert cluster.calls == []
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert lines == [
        AUTH,
        SETUP,
        "pcs cluster cib old.xml",
        "crm_diff --original old.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        WAIT,
    ]


def test_a_wrong_password_is_told_with_its_cure(
    cluster: Cluster, takeover: Takeover, password_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What pcs says is shown, and what to look at (pcs#112, pcs#252)."""
    cluster.state = "disconnected"
    cluster.password = "hunter3"
    assert takeover("cluster", "create", EXAMPLE, "--password-file", password_file) == 1
    assert cluster.writes == [AUTH]
    error = capsys.readouterr().err
    assert "  Error: node1: Username and/or password is incorrect\n" in error
    assert "passwd hacluster" in error
    assert "hunter2" not in error


def test_a_password_that_others_can_read_is_refused(
    cluster: Cluster, takeover: Takeover, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file must be its owner's alone; nothing is run."""
    password_file.chmod(0o640)
    assert takeover("cluster", "create", EXAMPLE, "--password-file", password_file) == 2
    assert cluster.calls == []
    assert capsys.readouterr().err == (
        f"{password_file}: not only its owner can read it; run: chmod 600 {password_file}\n"
    )


@pytest.mark.parametrize(("text", "expected"), [("", "no password"), (None, "No such file")])
def test_a_password_file_without_a_password_is_refused(
    text: str | None, expected: str, takeover: Takeover, password_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """An empty or missing file is named."""
    if text is None:
        password_file.unlink()
    else:
        password_file.write_text(text)
    assert takeover("cluster", "create", EXAMPLE, "--password-file", password_file) == 2
    assert expected in capsys.readouterr().err


def test_nodes_that_do_not_come_online_are_named(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wait has an end, and says who is missing and where to look."""
    takeover.machine.corosync_conf.touch()
    cluster.state = "disconnected"
    cluster.when(START, state="joining")
    assert takeover("cluster", "create", EXAMPLE) == 1
    assert cluster.writes == [START, ENABLE]
    # One look more than the wait's: whether there is something to push is seen beforehand.
    assert cluster.reads["crm_mon"] == 1 + 11
    assert capsys.readouterr().err.startswith(
        "the cluster is not complete after 120 s: node3 is not online. Look at `journalctl"
    )


def test_fencing_that_does_not_start_is_told(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cluster without fencing is not done: the device's own reason is shown."""
    takeover.machine.corosync_conf.touch()
    cluster.state = "disconnected"
    cluster.cib = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))
    cluster.when(START, state="running")
    cluster.when("crm_resource --wait", state="fencing-stopped")
    assert takeover("cluster", "create", EXAMPLE) == 1
    assert cluster.writes == [START, ENABLE]
    assert capsys.readouterr().err == (
        "the cluster runs, but a fencing device does not: fence-power: start of fence-power failed "
        "on node2: unable to log in to 203.0.113.2 (when that is repaired: pcs stonith cleanup "
        "fence-power)\n"
    )


def commands(takeover: Takeover, file: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the commands that a dry run prints."""
    assert takeover("cluster", "create", "--dry-run", file) == 0
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if not line.startswith("#")]


SBD = """\
[sbd]
devices = ["/dev/disk/by-id/sbd1"]
watchdog = "/dev/watchdog1"
watchdog_timeout = "8s"

"""


def test_sbd_is_enabled_before_the_cluster_starts(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SBD starts with the cluster, so the cluster starts last; msgwait is twice the watchdog's.

    A node that boots waits until the others have given it up, with a token of 1 s between three.
    """
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("[fencing.", SBD + "[fencing.", 1))
    assert commands(takeover, file, capsys)[1:5] == [
        SETUP.removesuffix(" --start --wait=120"),
        "pcs stonith sbd enable watchdog=/dev/watchdog1 device=/dev/disk/by-id/sbd1 "
        "SBD_WATCHDOG_TIMEOUT=8 SBD_DELAY_START=20",
        "pcs stonith sbd device setup device=/dev/disk/by-id/sbd1 watchdog-timeout=8 "
        "msgwait-timeout=16 --force",
        "pcs cluster start --all --wait=120 --request-timeout=200",
    ]


def test_a_disk_that_another_node_does_not_have_is_told_before_it_is_written_to(
    cluster: Cluster, takeover: Takeover, password_file: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """crmsh#2117: pcs asks every node before it enables SBD; the header is written afterwards."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("[fencing.", SBD + "[fencing.", 1))
    cluster.state = "disconnected"
    said = "Error: node2: device '/dev/disk/by-id/sbd1' not found\n"
    cluster.when("pcs stonith sbd enable", exit_code=1, stderr=said)
    assert takeover("cluster", "create", file, "--password-file", password_file) == 1
    assert not [each for each in cluster.writes if "device setup" in each]
    error = capsys.readouterr().err
    assert "node2: device '/dev/disk/by-id/sbd1' not found" in error
    assert "Nothing was written to a disk" in error
    assert "and the disk /dev/disk/by-id/sbd1?" in error


def test_a_disk_with_something_on_it_is_not_made_sbd_s(
    cluster: Cluster, takeover: Takeover, password_file: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Its filesystem would be lost; pcs is told to write the header without asking."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("[fencing.", SBD + "[fencing.", 1))
    cluster.state = "disconnected"
    cluster.disk_contents["/dev/disk/by-id/sbd1"] = "ext4"
    for options in (("--dry-run",), ("--password-file", password_file)):
        assert takeover("cluster", "create", file, *options) == 1
        error = capsys.readouterr().err
        assert "/dev/disk/by-id/sbd1 has something on it (ext4)" in error
        assert "wipefs --all /dev/disk/by-id/sbd1" in error
    assert cluster.writes == []


def test_watchdogs_alone_need_no_disk(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without devices, nothing is written to a disk."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("[fencing.", "[sbd]\n[fencing.", 1))
    assert commands(takeover, file, capsys)[2:4] == [
        "pcs stonith sbd enable watchdog=/dev/watchdog SBD_WATCHDOG_TIMEOUT=5 SBD_DELAY_START=14",
        "pcs cluster start --all --wait=120 --request-timeout=194",
    ]


def test_a_quorum_device_is_added_with_the_same_password(
    cluster: Cluster, takeover: Takeover, password_file: Path, tmp_path: Path,
) -> None:  # fmt: skip
    """The witness is authenticated to, and asked for its vote."""
    file = tmp_path / "cluster.toml"
    table = '[quorum.device]\nhost = "witness"\nalgorithm = "lms"\n'
    file.write_text(EXAMPLE.read_text().replace("[fencing.", table + "[fencing.", 1))
    cluster.state = "disconnected"
    add = "pcs quorum device add model net host=witness algorithm=lms"
    cluster.when(add, exit_code=1, stderr="Error: witness: no certificate\n")
    assert takeover("cluster", "create", file, "--password-file", password_file) == 1
    assert cluster.writes == [AUTH, SETUP, "pcs host auth witness -u hacluster", add]


def test_corosync_s_timing_is_the_description_s(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said goes to Corosync in milliseconds."""
    file = tmp_path / "cluster.toml"
    times = 'token = "1000ms"\ntoken_coefficient = "0ms"\nconsensus = "1200ms"\njoin = "60ms"'
    file.write_text(EXAMPLE.read_text().replace('token = "1000ms"', times))
    (setup,) = [line for line in commands(takeover, file, capsys) if "setup" in line]
    assert " totem token=1000 token_coefficient=0 consensus=1200 join=60 " in setup


def test_a_node_that_does_not_answer_is_no_question_about_a_password(
    cluster: Cluster, takeover: Takeover, password_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What pcs asks is nothing that it says; that nothing was changed is said."""
    cluster.state = "disconnected"
    cluster.when(
        "pcs host auth", exit_code=1, stdout="Password: \n",
        stderr="Error: Unable to communicate with node3\n",
    )  # fmt: skip
    assert takeover("cluster", "create", EXAMPLE, "--password-file", password_file) == 1
    error = capsys.readouterr().err
    assert "Password:" not in error
    assert "  Error: Unable to communicate with node3\nNo cluster was set up, and nothing" in error
    assert "is it on, and does pcsd run there" in error


def test_an_interrupted_creation_says_what_was_done(
    cluster: Cluster, takeover: Takeover, password_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """And that the same command goes on with it."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    cluster.state = "disconnected"
    cluster.when("pcs cluster setup", then=interrupt)
    assert takeover("cluster", "create", EXAMPLE, "--password-file", password_file) == 130
    assert capsys.readouterr().err == (
        "interrupted: it is not known whether this was still done: setting up the cluster shop and "
        "starting it: up to 120 s. To go on with what is missing, run the same command again\n"
    )


def test_what_a_creation_waits_for_is_shown(
    cluster: Cluster, takeover: Takeover, password_file: Path
) -> None:
    """The nodes that are not there yet, as long as that lasts."""
    cluster.state, cluster.cib = "disconnected", LIVE
    cluster.when("pcs cluster setup", then=lambda: cluster.later("joining", "empty"))
    cluster.when("crm_resource --wait", state="cluster-only")
    assert takeover("cluster", "create", EXAMPLE, "--password-file", password_file) == 0
    assert "node3 is not online" in [text for text, _ in takeover.awaited]


def test_a_quorum_device_s_times_are_the_description_s(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In milliseconds; and the watchdogs wait longer than the nodes wait for its vote."""
    file = tmp_path / "cluster.toml"
    table = '[quorum.device]\nhost = "witness"\ntimeout = "4s"\nsync_timeout = "12s"\n[sbd]\n'
    file.write_text(EXAMPLE.read_text().replace("[fencing.", table + "[fencing.", 1))
    assert commands(takeover, file, capsys)[2:5] == [
        "pcs host auth witness -u hacluster",
        "pcs quorum device add timeout=4000 sync_timeout=12000 model net host=witness "
        "algorithm=ffsplit",
        "pcs stonith sbd enable watchdog=/dev/watchdog SBD_WATCHDOG_TIMEOUT=17 SBD_DELAY_START=38",
    ]
