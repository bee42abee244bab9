"""The fake cluster answers as the real programs do, and fails a test that asks for more."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from pcs_wrapper.machine.runner import Result
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import CONFIG, LOOK, PUSH, configuration, told

CRM_MON = ("crm_mon", "--output-as=xml", "--one-shot", "--inactive", "--fence-history=3")
Failed = pytest.fail.Exception


@pytest.fixture
def cluster() -> Cluster:
    """Return a cluster that runs, with its CIB."""
    cluster = Cluster(cib=LIVE)
    cluster.state = "cluster-only"
    return cluster


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that nobody else can read."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def run(cluster: Cluster, *command: str, stdin: str = "") -> Result:
    """Run a command, whatever its exit code."""
    return cluster.run(*command, stdin=stdin, timeout=10, ok=range(256))


def push(cluster: Cluster, folder: Path, old: str, new: str) -> Result:
    """Push the difference of two CIBs, as pcs does."""
    old_file, new_file, patch_file = (folder / name for name in ("old", "new", "patch"))
    old_file.write_text(old)
    new_file.write_text(new)
    made = run(cluster, "crm_diff", "--original", str(old_file), "--new", str(new_file))
    assert made.exit_code == 1
    patch_file.write_text(made.stdout)
    return run(cluster, "cibadmin", "--patch", "--xml-file", str(patch_file))


CHANGED = LIVE.replace('score="100"', 'score="200"').replace('epoch="7"', 'epoch="8"')


def test_reads_are_answered_from_the_state(cluster: Cluster) -> None:
    """Each program tells its part, as often as it is asked; nothing is written."""
    assert run(cluster, *CRM_MON).stdout == told("cluster-only")
    for command in (("pcs", "cluster", "cib"), ("cibadmin", "--query")):
        assert run(cluster, *command).stdout == LIVE
        assert run(cluster, *command).stdout == LIVE
    config = run(cluster, "pcs", "cluster", "config", "--output-format=json")
    assert json.loads(config.stdout) == CONFIG
    assert run(cluster, "crm_resource", "--wait", "--timeout=3").exit_code == 0
    assert cluster.writes == []
    assert cluster.reads == {"crm_mon": 1, "pcs": 3, "cibadmin": 2, "crm_resource": 1}


def test_where_no_cluster_runs_nothing_is_answered() -> None:
    """Nor is anything pushed."""
    cluster = Cluster(cib=LIVE)
    cluster.state = "disconnected"
    assert run(cluster, *CRM_MON).exit_code == 102
    assert run(cluster, "pcs", "cluster", "cib") == Result(1, "", "Error: unable to get cib\n")
    assert run(cluster, "cibadmin", "--query").exit_code == 102


def test_a_push_changes_the_live_cib(cluster: Cluster, folder: Path) -> None:
    """Its version is the one that the patch makes, and it is recorded."""
    assert push(cluster, folder, LIVE, CHANGED).exit_code == 0
    assert configuration(cluster.cib) == configuration(CHANGED)
    assert etree.fromstring(cluster.cib).get("epoch") == "8"
    assert cluster.writes == [PUSH]
    [pushed] = cluster.pushes
    assert (pushed.before, pushed.after) == (LIVE, cluster.cib)
    assert (pushed.source, pushed.target) == ("0.7.12", "0.8.12")


def test_a_patch_of_another_version_is_refused(cluster: Cluster, folder: Path) -> None:
    """Whoever came in between is not written over."""
    cluster.when(PUSH, before=lambda: cluster.edit('value="shop"', 'value="store"'))
    assert push(cluster, folder, LIVE, CHANGED).exit_code == 103
    assert configuration(cluster.cib) == configuration(LIVE.replace('"shop"', '"store"'))
    assert cluster.pushes == []
    assert cluster.writes == [PUSH]


def test_crm_diff_takes_a_change_out_of_another_cib(cluster: Cluster, folder: Path) -> None:
    """What else is in there stays; a change of what is gone does not fit."""
    original, patch = folder / "original", folder / "patch"
    for name, text in (("old", CHANGED), ("new", LIVE)):
        (folder / name).write_text(text)
    made = run(
        cluster,
        *("crm_diff", "--original", str(folder / "old"), "--new", str(folder / "new")),
        "--no-version",
    )
    assert "<version>" not in made.stdout
    patch.write_text(made.stdout)
    original.write_text(CHANGED.replace('value="shop"', 'value="store"'))
    apply = ("crm_diff", "--original", str(original), "--patch", str(patch))
    result = run(cluster, *apply)
    assert configuration(result.stdout) == configuration(LIVE.replace('"shop"', '"store"'))
    original.write_text(CHANGED.replace("shop-prefers-lunch", "other"))
    assert run(cluster, *apply).exit_code == 65
    assert cluster.cib == LIVE


def test_what_happens_to_a_command(cluster: Cluster, folder: Path) -> None:
    """In the order in which it was said; what fails or hangs does nothing unless it arrives."""
    cluster.when(PUSH, exit_code=1, stderr="ill", then=cluster.broken.clear)
    cluster.when(PUSH, hangs=True)
    cluster.when(PUSH, exit_code=124, arrives=True, state="running")
    cluster.broken["pcs cluster cib"] = Result(1, "", "pcs is ill")
    assert run(cluster, "pcs", "cluster", "cib").stderr == "pcs is ill"
    assert push(cluster, folder, LIVE, CHANGED).stderr == "ill"
    assert run(cluster, "pcs", "cluster", "cib").stdout == LIVE
    with pytest.raises(Exception, match="did not finish"):
        push(cluster, folder, LIVE, CHANGED)
    with pytest.raises(Failed, match="never happened"):
        cluster.check()
    assert push(cluster, folder, LIVE, CHANGED).exit_code == 124
    assert configuration(cluster.cib) == configuration(CHANGED)
    assert cluster.state == told("running")
    assert cluster.writes == [PUSH] * 3


def test_the_state_goes_on_while_somebody_waits(cluster: Cluster) -> None:
    """Looking takes time, too, but changes nothing."""
    cluster.later("joining", "running")
    for state, seconds in (("cluster-only", 0), ("joining", 2), ("running", 3)):
        cluster.sleep(seconds) if seconds else None
        assert cluster.state == told(state)
        assert run(cluster, *CRM_MON).stdout == cluster.state
    assert cluster.clock() == 3 * LOOK + 5
    cluster.check()


def test_timers(cluster: Cluster) -> None:
    """One of each name; one that is gone cannot be stopped."""
    start = ("systemd-run", "--on-active=9s", "--unit=x", "/bin/takeover", "rollback")
    assert run(cluster, *start).exit_code == 0
    assert cluster.timers == {"x.timer": "/bin/takeover rollback"}
    assert run(cluster, *start).exit_code == 1
    assert run(cluster, "systemctl", "stop", "x.timer").exit_code == 0
    assert run(cluster, "systemctl", "stop", "x.timer").exit_code == 5
    assert cluster.timers == {}


def test_the_password_is_read_and_never_an_argument(cluster: Cluster) -> None:
    """Nor does any other program get something to read."""
    auth = ("pcs", "host", "auth", "node1", "-u", "hacluster")
    assert run(cluster, *auth, stdin="hunter2\n").exit_code == 0
    assert "Error: node1: Username and/or password is incorrect" in run(cluster, *auth).stderr
    with pytest.raises(Failed, match="a password among the arguments"):
        run(cluster, *auth, "-p", "hunter2")
    with pytest.raises(Failed, match="something to read"):
        run(cluster, "pcs", "cluster", "cib", stdin="hunter2\n")


def test_cleanup_knows_what_there_is(cluster: Cluster) -> None:
    """Pacemaker has no failures of what it does not know."""
    assert run(cluster, "pcs", "resource", "cleanup", "printer").exit_code == 0
    assert run(cluster, "pcs", "resource", "cleanup", "shop").exit_code == 1


def test_the_status_loses_an_attribute(cluster: Cluster) -> None:
    """On that node, and of that name."""
    cluster.cib = LIVE.replace(
        "<status/>",
        '<status><node_state uname="node1"><nvpair name="a"/><nvpair name="b"/></node_state>'
        '<node_state uname="node2"><nvpair name="a"/></node_state></status>',
    )
    cluster.programs.add("attrd_updater")
    delete = ("attrd_updater", "--delete", "--name=a", "--node=node1")
    assert run(cluster, *delete).exit_code == 0
    left = [
        (node.get("uname"), [str(pair.get("name")) for pair in node])
        for node in etree.fromstring(cluster.cib).iterfind("status/node_state")
    ]
    assert left == [("node1", ["b"]), ("node2", ["a"])]
    assert etree.fromstring(cluster.cib).get("num_updates") == "13"
    assert cluster.writes == [" ".join(delete)]


def test_the_scheduler_knows_the_live_cib_from_another(cluster: Cluster, folder: Path) -> None:
    """It is asked about a file; a test that has not said what it answers fails."""
    file = folder / "cib.xml"
    file.write_text(LIVE.replace('num_updates="12"', 'num_updates="99"'))
    simulate = ("env", f"CIB_file={file}", "crm_simulate", "--run", "--live-check")
    with pytest.raises(Failed, match="the scheduler was asked"):
        run(cluster, *simulate, "--output-as=xml")
    cluster.scheduled = ("<now/>", "<then/>")
    assert run(cluster, *simulate, "--output-as=xml").stdout == "<now/>"
    file.write_text(CHANGED)
    assert run(cluster, *simulate, "--output-as=xml").stdout == "<then/>"


def test_journal_and_private_attributes(cluster: Cluster) -> None:
    """What there is nothing of is an exit code."""
    cluster.programs |= {"journalctl", "attrd_updater"}
    journal = (
        *("journalctl", "--output=json", "--output-fields=MESSAGE", "--no-pager"),
        *("--identifier=pacemaker-fenced", "--boot", "--lines=300"),
        *("_UID=0", "_COMM=pacemaker-fence", "_SYSTEMD_UNIT=pacemaker.service"),
    )
    assert run(cluster, *journal) == Result(1, "", "")
    cluster.journal = ["one", [27]]
    assert run(cluster, *journal).stdout == '{"MESSAGE": "one"}\n{"MESSAGE": [27]}\n'
    ask = ("attrd_updater", "--query", "--all", "--name=a", "--output-as=xml")
    assert run(cluster, *ask).exit_code == 78
    cluster.attributes = {("a", "node2"): "5", ("b", "node1"): "6"}
    [found] = etree.fromstring(run(cluster, *ask).stdout).iter("attribute")
    assert dict(found.attrib) == {"name": "a", "value": "5", "host": "node2"}


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (("pcs", "cluster", "kill"), "does not know `pcs cluster kill`"),
        (("crm_mon", "--one-shot"), "would tell otherwise"),
        (("pcs", "cluster", "cib", "scope=resources"), "more than a CIB"),
        (("crm_resource", "--wait"), "waits for ever"),
    ],
)
def test_what_is_not_known_fails_the_test(
    command: tuple[str, ...], complaint: str, cluster: Cluster
) -> None:
    """Not with an exception that a command could turn into a message."""
    # As the command line does with its own faults.
    with pytest.raises(Failed, match=complaint), contextlib.suppress(Exception):
        run(cluster, *command)


def test_a_cluster_of_which_nothing_was_said() -> None:
    """A test that forgets it, or expects that nothing is run, fails when something is."""
    with pytest.raises(Failed, match="nobody has said in which state the cluster is"):
        run(Cluster(), *CRM_MON)


def test_a_program_that_is_not_installed(cluster: Cluster) -> None:
    """It is missing for who looks, and for who runs it."""
    assert cluster.find("pcs") == "/usr/sbin/pcs"
    assert cluster.find("journalctl") is None


def test_files_are_nobody_elses(cluster: Cluster, tmp_path: Path) -> None:
    """A CIB that a program is given is in a private folder, and gone when all is done."""
    tmp_path.chmod(0o755)
    file = tmp_path / "patch.xml"
    file.write_text("<diff/>")
    with pytest.raises(Failed, match="others can read"):
        run(cluster, "cibadmin", "--patch", "--xml-file", str(file))
    tmp_path.chmod(0o700)
    run(cluster, "cibadmin", "--patch", "--xml-file", str(file))
    with pytest.raises(Failed, match="left behind"):
        cluster.check()
    file.unlink()
    cluster.check()
