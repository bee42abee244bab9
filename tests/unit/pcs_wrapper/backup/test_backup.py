"""`takeover backup` and `takeover restore`: all that is not in the services' data comes back."""

from __future__ import annotations

import io
import json
import os
import pwd
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints, folder_of
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.pcsd import Machines, Pcsd
from tests.unit.fakes.programs import CONFIG
from tests.unit.fakes.site import PERMANENT, Interface, Site
from tests.unit.pcs_wrapper.conftest import Takeover

SECRET, SCRIPT = "/etc/takeover/fence.password", "/opt/alerts/mail.sh"
ALERT = f'<alerts><alert id="mail" path="{SCRIPT}"/></alerts></configuration>'
CHECKPOINT = {"1.json", "1.before.xml", "1.after.xml"}
SBD = 'SBD_DEVICE="/dev/sdb;/dev/sdc"\nSBD_WATCHDOG_DEV=/dev/watchdog\nSBD_WATCHDOG_TIMEOUT=5\n'
DEVICE = {
    "model": "net",
    "model_options": {"host": "witness", "algorithm": "ffsplit"},
    "generic_options": {"timeout": "5000", "votes": "1"},
    "heuristics_options": {},
}
AUTH = (
    "pcs host auth node1 addr=198.51.100.11 node2 addr=198.51.100.12 node3 addr=198.51.100.13 "
    "-u hacluster"
)
START = "pcs cluster start --all --wait=120"


def put(takeover: Takeover, path: str, content: str, mode: int = 0o600) -> Path:
    """Put a file on the machine."""
    file = takeover.machine.root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    file.chmod(mode)
    return file


@pytest.fixture
def shop(cluster: Cluster, takeover: Takeover, live: str, tmp_path: Path) -> Takeover:
    """Return the command line on a node of a cluster that was changed once."""
    cluster.state = "running"
    host_list = 'name="pcmk_host_list" value="node1,node2,node3"/>'
    secret = f'<nvpair id="secret" name="password_script" value="{SECRET}"/>'
    cluster.cib = live.replace("</configuration>", ALERT).replace(host_list, host_list + secret)
    cluster.programs |= {"systemctl", "pcs"}
    node = Takeover(replace(takeover.machine, root=tmp_path / "root"), [], [], [])
    node.machine.corosync_conf.touch()
    assert SECRET in cluster.cib
    put(node, SECRET, "echo hunter2")
    put(node, SCRIPT, "#!/bin/sh\n", 0o755)
    put(node, "/var/lib/pcsd/known-hosts", "{}")
    put(node, "/etc/default/sbd", SBD, 0o644)
    return node


@pytest.fixture
def saved(shop: Takeover, cluster: Cluster, description: Path, tmp_path: Path) -> Path:
    """Return a backup of a cluster with a change, a witness and SBD."""
    live = etree.fromstring(cluster.cib)
    change = Checkpoint(
        number=1,
        at="2026-11-24T19:00:00+00:00",
        user="alice",
        command="apply",
        message="",
        cluster="shop",
        changes=changed_ids(live, live),
        state="applied",
    )
    shop.machine.state.mkdir(mode=0o700)
    Checkpoints(shop.machine.state).begin(change, live, live)
    cluster.config = CONFIG | {"quorum_device": DEVICE}
    cluster.enabled = {"pacemaker", "sbd"}
    file = tmp_path / "shop.tar.gz"
    assert shop("backup", file, description) == 0
    assert cluster.writes == []
    return file


@pytest.fixture
def new_node(shop: Takeover, cluster: Cluster, tmp_path: Path) -> Takeover:
    """Return the command line on a new machine with the name of a node."""
    cluster.state = "disconnected"
    addresses = {"198.51.100.11/24": PERMANENT, "203.0.113.11/24": PERMANENT}
    machine = replace(
        shop.machine,
        netlink=Site(tmp_path, [Interface("eth0", addresses)]).machine().netlink,
        root=tmp_path / "new",
        state=tmp_path / "new-state",
        corosync_conf=tmp_path / "no-corosync.conf",
    )
    return Takeover(machine, [], [], [])


@pytest.fixture
def restore(saved: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    """Return the command that restores the backup."""
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text("hunter2\n")
    return ("restore", saved, "--password-file", password, "--yes")


def test_everything_is_saved_and_only_root_can_read_it(
    saved: Path, shop: Takeover, description: Path
) -> None:
    """It has what pcs saves, and what pcs does not know beside that."""
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    with tarfile.open(saved) as archive:
        names = set(archive.getnames())
        pcs_config = archive.extractfile("pcs-config.tar.bz2")
        assert pcs_config is not None
        with tarfile.open(fileobj=io.BytesIO(pcs_config.read())) as inner:
            assert "cib.xml" in inner.getnames()
    state = shop.machine.state
    for path in (SECRET, SCRIPT, "/var/lib/pcsd/known-hosts", "/etc/default/sbd", description):
        assert f"files{path}" in names
    assert {f"files{state}/checkpoints/{each}" for each in CHECKPOINT} <= names


def test_it_is_said_what_was_saved(
    shop: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without anything of what is secret."""
    assert shop("backup", tmp_path / "b.tar.gz") == 0
    said = capsys.readouterr().out
    assert "the cluster shop (node1, node2, node3)" in said
    assert "files that the configuration names: 2" in said
    assert "hunter2" not in said


def test_what_the_cluster_needs_and_is_not_here_is_told(
    shop: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script of an alert is on the other nodes, perhaps."""
    (shop.machine.root / SCRIPT.lstrip("/")).unlink()
    assert shop("backup", "--json", tmp_path / "b.tar.gz") == 0
    assert json.loads(capsys.readouterr().out)["absent"] == [SCRIPT]


def test_data_of_a_service_and_files_of_packages_are_not_saved(
    cluster: Cluster, shop: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They would come back on a disk that is not mounted, or in place of a package's."""
    put(shop, "/srv/shop/data/postgresql.conf", "port = 1")
    put(shop, "/usr/bin/postgres", "")
    cluster.cib = cluster.cib.replace(SECRET, "/srv/shop/data/postgresql.conf").replace(
        SCRIPT, "/usr/bin/postgres"
    )
    assert 'value="/srv/shop"' in cluster.cib
    assert shop("backup", "--json", tmp_path / "b.tar.gz") == 0
    printed = json.loads(capsys.readouterr().out)
    assert not [each for each in printed["files"] if each["kind"] == "named"]
    assert printed["absent"] == []


def test_a_stopped_cluster_can_be_saved(cluster: Cluster, shop: Takeover, tmp_path: Path) -> None:
    """From the configuration that it has left on its node."""
    shop.machine.archive.mkdir()
    (shop.machine.archive / "cib.xml").write_text(cluster.cib)
    cluster.state = "disconnected"
    assert shop("backup", tmp_path / "b.tar.gz") == 0
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        assert f"files{SECRET}" in archive.getnames()


def test_a_machine_in_no_cluster_has_nothing_to_save(
    new_node: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so, and writes nothing."""
    assert new_node("backup", tmp_path / "b.tar.gz") == 1
    assert "is no node of a cluster" in capsys.readouterr().err
    assert not (tmp_path / "b.tar.gz").exists()


def test_a_place_that_takes_no_file_is_told(
    shop: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason."""
    assert shop("backup", tmp_path / "none" / "b.tar.gz") == 2
    assert "b.tar.gz: cannot be written: No such file or directory" in capsys.readouterr().err


def test_it_is_restored_onto_new_nodes(
    restore: tuple[str | Path, ...],
    new_node: Takeover,
    cluster: Cluster,
    description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Certificates for the witness and SBD are made anew; the history goes on."""
    original = description.read_text()
    cluster.when(START, state="running")
    description.write_text(original + "# changed since\n")
    assert new_node(*restore) == 0
    assert cluster.writes == [
        AUTH,
        f"pcs config restore {new_node.machine.state}/pcs-config.tar.bz2",
        "pcs host auth witness -u hacluster",
        "pcs quorum device remove",
        "pcs quorum device add timeout=5000 model net host=witness algorithm=ffsplit",
        "pcs stonith sbd enable watchdog=/dev/watchdog device=/dev/sdb device=/dev/sdc "
        "SBD_WATCHDOG_TIMEOUT=5",
        START,
        "pcs cluster enable --all",
    ]
    root = new_node.machine.root
    script = root / SCRIPT.lstrip("/")
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert stat.S_IMODE((root / SECRET.lstrip("/")).stat().st_mode) == 0o600
    assert stat.S_IMODE(new_node.machine.state.stat().st_mode) == 0o700
    assert {file.name for file in folder_of(new_node.machine.state).iterdir()} == CHECKPOINT
    [change] = Checkpoints(new_node.machine.state).all()
    assert (change.number, change.user) == (1, "alice")
    assert not (new_node.machine.state / "pcs-config.tar.bz2").exists()
    assert not (root / "etc/default/sbd").exists()
    told = capsys.readouterr()
    assert f"every node needs {script}, which was put back on this one alone" in told.out
    assert "shop: running on node1" in told.out
    # Described files are put back where they were, too, but here it was changed since.
    assert (root / str(description).lstrip("/")).read_text() == original


def test_what_is_different_here_stays(
    restore: tuple[str | Path, ...],
    new_node: Takeover,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Somebody may have changed it on purpose; it is named."""
    script = put(new_node, SCRIPT, "#!/bin/sh\n# mine\n", 0o755)
    cluster.when(START, state="running")
    assert new_node(*restore, "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["left"] == [str(script)]
    assert f"{script} is different here, and is left as it is" in printed.err
    assert "mine" in script.read_text()


def test_an_interrupted_restore_goes_on(
    restore: tuple[str | Path, ...], new_node: Takeover, cluster: Cluster
) -> None:
    """The same command does what is missing, though Corosync is configured by now."""
    cluster.when(START, exit_code=1, stderr="node3: pcsd does not answer")
    assert new_node(*restore) == 1
    new_node.machine.corosync_conf.touch()
    cluster.writes.clear()
    cluster.when(START, state="running")
    assert new_node(*restore) == 0
    assert cluster.writes == [START, "pcs cluster enable --all"]


def test_a_restore_is_shown_and_asked_for(
    saved: Path,
    new_node: Takeover,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dry run has every command; no answer is no."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert new_node("restore", "--dry-run", saved) == 0
    shown = capsys.readouterr().out
    assert AUTH in shown
    assert f"tar --extract --to-stdout --file {saved} files{SECRET} > " in shown
    assert new_node("restore", saved) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert cluster.writes == []
    assert not new_node.machine.root.exists()


@pytest.mark.parametrize("runs", [True, False])
def test_no_cluster_is_replaced_by_accident(
    runs: bool,
    restore: tuple[str | Path, ...],
    new_node: Takeover,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One that runs never; one that is stopped when that is said."""
    new_node.machine.corosync_conf.touch()
    cluster.state = "running" if runs else "disconnected"
    assert new_node(*restore) == 1
    said = capsys.readouterr().err
    assert ("runs on this machine" if runs else "--replace") in said
    if runs:
        assert new_node(*restore, "--replace") == 1
    assert cluster.writes == []
    if not runs:
        cluster.when(START, state="running")
        assert new_node(*restore, "--replace") == 0


@pytest.fixture
def third(saved: Path, new_node: Takeover, cluster: Cluster) -> Pcsd:
    """Return the pcsd of another node, which pcs knows when it has authenticated to it."""
    assert saved.exists(), "the backup is made before the node is a new one"
    root = new_node.machine.root
    machines = Machines(root, {"198.51.100.12": Pcsd(), "198.51.100.13": Pcsd()})

    def known() -> None:
        (root / "var/lib/pcsd/known-hosts").unlink(missing_ok=True)
        machines.know("node2", "198.51.100.12")
        machines.know("node3", "198.51.100.13")

    cluster.when("pcs host auth node1", then=known)
    new_node.machine = replace(new_node.machine, ask=machines.ask)
    return machines.pcsds["198.51.100.13"]


def test_a_cluster_that_runs_on_another_node_is_never_replaced(
    third: Pcsd,
    restore: tuple[str | Path, ...],
    new_node: Takeover,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It may be the same one, whose other nodes are well."""
    third.config, third.services["corosync"]["running"] = "cluster_name: shop\n", True
    assert new_node(*restore, "--replace") == 1
    assert (
        "the cluster 'shop' runs on node3: no configuration was restored" in capsys.readouterr().err
    )
    assert cluster.writes == [AUTH]


def test_another_cluster_on_another_node_is_not_replaced_by_accident(
    third: Pcsd,
    restore: tuple[str | Path, ...],
    new_node: Takeover,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The restore would send its configuration there; what is said makes it do so."""
    third.config = "cluster_name: shed\n name: node3\n"
    assert new_node(*restore) == 1
    assert (
        "node3 has the configuration of the cluster 'shed', with node3: no configuration was "
        "restored" in capsys.readouterr().err
    )
    assert cluster.writes == [AUTH]
    cluster.when(START, state="running")
    assert new_node(*restore, "--replace") == 0


def test_only_a_node_of_it_can_restore_it(
    saved: Path, new_node: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The checkpoints and files are put back on this machine."""
    other = Takeover(replace(new_node.machine, host="desk"), [], [], [])
    assert other("restore", "--dry-run", saved) == 1
    assert "this machine is called desk, and the nodes of the cluster 'shop' are node1, node2" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.chmod(0o644), "not only its owner can read it"),
        (lambda file: file.write_bytes(file.read_bytes()[:-200]), "is not a backup"),
        (lambda file: file.write_bytes(b"nothing"), "is not a backup"),
        (lambda file: file.write_bytes(_changed(file)), f"is damaged: {SECRET} is not as it was"),
        (lambda file: file.unlink(), "cannot be read: No such file"),
    ],
)
def test_what_is_no_whole_backup_is_refused(
    spoil: object, reason: str, saved: Path, new_node: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing of it is restored."""
    assert callable(spoil)
    spoil(saved)
    assert new_node("restore", "--dry-run", saved) == 2
    assert reason in capsys.readouterr().err


def _changed(file: Path) -> bytes:
    """Return a backup in which somebody has changed a file."""
    packed = io.BytesIO()
    with tarfile.open(file) as old, tarfile.open(fileobj=packed, mode="w:gz") as new:
        for entry in old:
            content = old.extractfile(entry)
            assert content is not None
            data = content.read()
            if entry.name == f"files{SECRET}":
                data = data[:-1] + b"!"
            new.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def test_no_file_is_overwritten_by_a_backup(
    shop: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever forgets FILE names the description in its place."""
    before = description.read_text()
    assert shop("backup", description) == 2
    assert f"{description}: is there already" in capsys.readouterr().err
    assert description.read_text() == before


def _repacked(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a backup says of itself."""
    with tarfile.open(file) as archive:
        members = {each.name: archive.extractfile(each) for each in archive}
        contents = {name: found.read() for name, found in members.items() if found is not None}
    manifest = json.loads(contents["manifest.json"])
    change(manifest)
    contents["manifest.json"] = json.dumps(manifest).encode()
    for each in manifest["files"]:
        member = f"files{each['path']}"
        contents.setdefault(member, next(v for n, v in contents.items() if n.endswith(SCRIPT)))
    with tarfile.open(file, "w:gz") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def test_another_backup_is_not_taken_for_the_one_that_was_interrupted(
    restore: tuple[str | Path, ...], saved: Path, new_node: Takeover, cluster: Cluster
) -> None:
    """Of the same cluster, but with another configuration: none of its steps is done."""
    cluster.when(START, exit_code=1, stderr="node3: pcsd does not answer")
    assert new_node(*restore) == 1
    new_node.machine.corosync_conf.touch()
    cluster.writes.clear()
    _repacked(saved, lambda manifest: manifest.update(at="2026-11-29T10:00:00+00:00"))
    cluster.when(START, state="running")
    assert new_node(*restore, "--replace") == 0
    assert any(each.startswith("pcs config restore ") for each in cluster.writes)


def test_a_cluster_that_runs_meanwhile_is_not_overrun_by_an_interrupted_restore(
    restore: tuple[str | Path, ...], new_node: Takeover, cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Only the authentication was done, and the cluster was made in another way since."""
    command = f"pcs config restore {new_node.machine.state}/pcs-config.tar.bz2"
    cluster.when(command, exit_code=1, stderr="node3: pcsd does not answer")
    assert new_node(*restore) == 1
    new_node.machine.corosync_conf.touch()
    cluster.state = "running"
    cluster.writes.clear()
    assert new_node(*restore) == 1
    assert "runs on this machine" in capsys.readouterr().err
    assert cluster.writes == []


def test_what_was_destroyed_since_is_restored_anew(
    restore: tuple[str | Path, ...], new_node: Takeover, cluster: Cluster
) -> None:
    """Pcs cluster destroy knows nothing of the record of an interrupted restore."""
    cluster.when(START, exit_code=1, stderr="node3: pcsd does not answer")
    assert new_node(*restore) == 1
    cluster.writes.clear()
    cluster.when(START, state="running")
    assert new_node(*restore) == 0
    assert any(each.startswith("pcs config restore ") for each in cluster.writes)


def test_a_machine_with_other_addresses_is_not_the_node(
    restore: tuple[str | Path, ...], new_node: Takeover, cluster: Cluster, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """In a laboratory, say: the configuration would go to the machines that have the addresses."""
    site = Site(tmp_path, [Interface("eth0", {"198.51.100.11/24": PERMANENT})])
    elsewhere = Takeover(replace(new_node.machine, netlink=site.machine().netlink), [], [], [])
    assert elsewhere(*restore) == 1
    assert "node1 had the address 203.0.113.11, which this machine has not" in (
        capsys.readouterr().err
    )
    assert cluster.writes == []


@pytest.fixture
def owned(shop: Takeover, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[int, int]]]:
    """Have an alert's script that belongs to another user, and note who becomes an owner."""
    nobody = pwd.getpwnam("nobody")
    script = str(shop.machine.root / SCRIPT.lstrip("/"))
    found: dict[str, tuple[int, int]] = {}
    real = os.stat

    def seen(path: Any, *args: Any, **named: Any) -> os.stat_result:
        status = real(path, *args, **named)
        if str(path) == script:
            fields = list(status)
            fields[4], fields[5] = nobody.pw_uid, nobody.pw_gid
            return os.stat_result(fields)
        return status

    monkeypatch.setattr(os, "stat", seen)
    names = Path("/proc/self/fd")
    monkeypatch.setattr(
        os,
        "fchown",
        lambda fd, uid, gid: found.update({str((names / str(fd)).readlink()): (uid, gid)}),
    )
    yield found


def test_a_file_belongs_to_whom_it_belonged(
    owned: dict[str, tuple[int, int]], restore: tuple[str | Path, ...], new_node: Takeover,
    cluster: Cluster,
) -> None:  # fmt: skip
    """An alert's script is run by hacluster, who could not read it otherwise."""
    nobody = pwd.getpwnam("nobody")
    cluster.when(START, state="running")
    assert new_node(*restore) == 0
    [owner] = [who for path, who in owned.items() if path.endswith(".mail.sh.new")]
    assert owner == (nobody.pw_uid, nobody.pw_gid)


def test_files_have_their_modes_whatever_the_umask_is(
    restore: tuple[str | Path, ...], new_node: Takeover, cluster: Cluster
) -> None:
    """Many administrators have 077."""
    cluster.when(START, state="running")
    before = os.umask(0o077)
    try:
        assert new_node(*restore) == 0
    finally:
        os.umask(before)
    script = new_node.machine.root / SCRIPT.lstrip("/")
    assert stat.S_IMODE(script.stat().st_mode) == 0o755


def test_a_manipulated_backup_makes_no_program_of_roots_for_everybody(
    restore: tuple[str | Path, ...], saved: Path, new_node: Takeover, cluster: Cluster
) -> None:
    """Nothing that a cluster needs is setuid."""

    def change(manifest: dict[str, Any]) -> None:
        for each in manifest["files"]:
            each["mode"] |= 0o4000

    _repacked(saved, change)
    cluster.when(START, state="running")
    assert new_node(*restore) == 0
    script = new_node.machine.root / SCRIPT.lstrip("/")
    assert stat.S_IMODE(script.stat().st_mode) == 0o755


@pytest.mark.parametrize("path", ["/opt/../etc/cron.d/x", "/", "//etc/x", "/opt/./x", "/opt/x/"])
def test_a_manipulated_path_is_refused(
    path: str, saved: Path, new_node: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would hide where a file goes."""
    _repacked(saved, lambda manifest: manifest["files"][-1].update(path=path))
    assert new_node("restore", "--dry-run", saved) == 2
    assert "is not a backup" in capsys.readouterr().err


def test_every_file_that_is_put_back_is_named_before(
    saved: Path, new_node: Takeover, cluster: Cluster, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whoever agrees has seen where a backup writes to."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert new_node("restore", saved) == 1
    script = new_node.machine.root / SCRIPT.lstrip("/")
    assert f"{script} is put back" in capsys.readouterr().err
    assert cluster.writes == []


def test_a_pipe_where_a_file_was_does_not_hold_a_restore_up(
    saved: Path, new_node: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody writes into it."""
    pipe = new_node.machine.root / SCRIPT.lstrip("/")
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    assert new_node("restore", "--dry-run", saved) == 0
    assert f"{pipe} is different here, and is left as it is" in capsys.readouterr().out


def test_the_others_are_those_that_it_was_not_typed_on(
    restore: tuple[str | Path, ...], new_node: Takeover, cluster: Cluster, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It need not be the node on which it was saved; and what was left was not put back."""
    addresses = {"198.51.100.12/24": PERMANENT, "203.0.113.12/24": PERMANENT}
    site = Site(tmp_path, [Interface("eth0", addresses)])
    machine = replace(new_node.machine, host="node2", netlink=site.machine().netlink)
    put(new_node, SCRIPT, "#!/bin/sh\n# mine\n", 0o755)
    cluster.when(START, state="running")
    assert Takeover(machine, [], [], [])(*restore) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "every node needs" in line]
    assert told == [
        f"every node needs {machine.root}{SECRET}, which was put back on this one alone; the "
        "others: node1, node3"
    ]


def test_a_wrong_password_is_told_truly(
    restore: tuple[str | Path, ...], new_node: Takeover, cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Files were put back before, which harms nothing."""
    cluster.when(AUTH, exit_code=1, stderr="Error: node2: Username and/or password is incorrect")
    assert new_node(*restore) == 1
    assert "No configuration was restored yet" in capsys.readouterr().err
