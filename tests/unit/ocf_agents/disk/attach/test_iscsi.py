"""iSCSI LUNs through open-iscsi; iscsiadm is a script here, its records are real files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_agents.disk.attach import iscsi
from ocf_agents.disk.attach.iscsi import Initiator
from ocf_agents.disk.attach.lun import Lun
from ocf_agents.runtime.agent import AgentError, Code, Deadline

TARGET = "iqn.2001-04.com.example:shop"
Programs = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in place of udev's /dev/disk/by-path; locks and records are apart, too."""
    folder = tmp_path / "by-path"
    folder.mkdir()
    monkeypatch.setattr(iscsi, "BY_PATH", str(folder))
    monkeypatch.setattr(iscsi, "LOCKS", str(tmp_path))
    monkeypatch.setattr(iscsi, "RECORDS", (str(tmp_path / "iscsi/nodes"),))
    return folder


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.touch()
    return path


def initiator(portal: str, lun: int, **chap: str) -> Initiator:
    return Initiator(Lun(portal, TARGET, lun, **chap))


def calls(log: Path) -> list[str]:
    return log.read_text().splitlines()


def test_the_initiator_logs_in_and_waits_for_the_device(
    programs: Programs, by_path: Path, device: Path, tmp_path: Path
) -> None:
    """A new target: no record yet (exit 21), so one is made; then login, then udev's name."""
    log = tmp_path / "log"
    name = by_path / f"ip-198.51.100.1:3260-iscsi-{TARGET}-lun-0"
    programs(
        "iscsiadm",
        f'echo "$@" >> {log}\ncase "$*" in *new|*manual) ;; *login) '
        f"(/bin/sleep 0.1; /bin/ln -s {device} '{name}') & ;; *) exit 21;; esac",
    )
    assert initiator("198.51.100.1", 0).attach(Deadline(5)) == str(device)
    node = f"-m node -T {TARGET} -p 198.51.100.1"
    manual = f"{node} --op update -n node.startup -v manual"
    assert calls(log) == [node, f"{node} --op new", manual, f"{node} --login"]


def test_a_record_and_a_session_that_exist_are_kept(
    programs: Programs, by_path: Path, device: Path, tmp_path: Path
) -> None:
    """An existing record is not made anew (it may hold secrets), and exit 15 is no failure."""
    log = tmp_path / "log"
    (by_path / f"ip-198.51.100.1:3260-iscsi-{TARGET}-lun-1").symlink_to(device)
    programs("iscsiadm", f'echo "$@" >> {log}\ncase "$*" in *login) exit 15;; esac')
    assert initiator("198.51.100.1:3260", 1).attach(Deadline(5)) == str(device)
    node = f"-m node -T {TARGET} -p 198.51.100.1:3260"
    assert calls(log) == [node, f"{node} --login"]


def test_a_lun_that_does_not_appear_is_explained(programs: Programs, by_path: Path) -> None:
    """After a login without the LUN, the reason asks the right question."""
    programs("iscsiadm", "exit 0")
    with pytest.raises(AgentError, match="does the target have that LUN"):
        initiator("198.51.100.1", 9).attach(Deadline(0.3))
    assert not list(by_path.iterdir())


def test_a_failed_login_tells_what_iscsiadm_said(programs: Programs, by_path: Path) -> None:
    """The reason has the command, its exit code and its words."""
    assert by_path.exists()
    programs("iscsiadm", 'case "$*" in *login) echo "login rejected" >&2; exit 24;; esac')
    with pytest.raises(AgentError, match=r"^login rejected \(iscsiadm --login failed with 24;"):
        initiator("198.51.100.1", 0).attach(Deadline(5))


@pytest.mark.parametrize("used", [True, False])
def test_the_session_stays_while_another_lun_is_in_use(
    programs: Programs,
    by_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    used: bool,
) -> None:
    """Logging out would take away every LUN of the session."""
    log = tmp_path / "log"
    log.touch()
    other = by_path / f"ip-198.51.100.1:3260-iscsi-{TARGET}-lun-5"
    other.touch()
    (by_path / "ip-198.51.100.1:3260-iscsi-another-lun-5").touch()
    programs("iscsiadm", f'echo "$@" >> {log}; exit 21')
    monkeypatch.setattr(iscsi, "_in_use", lambda path: used and path == str(other))
    initiator("198.51.100.1", 0).detach(Deadline(5))
    logout = f"-m node -T {TARGET} -p 198.51.100.1 --logout"
    assert calls(log) == ([] if used else [logout])


@pytest.mark.parametrize("startup", ["automatic", "onboot", "manual"])
def test_a_session_that_the_boot_began_is_not_ended(
    programs: Programs, by_path: Path, tmp_path: Path, startup: str
) -> None:
    """SBD has its disk there, and opens it so that nothing shows it to be in use."""
    log = tmp_path / "log"
    log.touch()
    assert by_path.exists()
    record = tmp_path / f"iscsi/nodes/{TARGET}/198.51.100.1,3260,1/default"
    record.parent.mkdir(parents=True)
    record.write_text(f"# BEGIN RECORD 2.1.8\nnode.startup = {startup}\n# END RECORD\n")
    programs("iscsiadm", f'echo "$@" >> {log}')
    initiator("198.51.100.1", 0).detach(Deadline(5))
    assert bool(calls(log)) == (startup == "manual")


@pytest.mark.usefixtures("programs", "by_path")
def test_without_iscsiadm_there_is_nothing_to_detach() -> None:
    """A stop on a node without open-iscsi succeeds."""
    initiator("198.51.100.1", 0).detach(Deadline(5))


@pytest.mark.parametrize(
    ("portal", "written"),
    [
        ("198.51.100.1", "198.51.100.1:3260"),
        ("198.51.100.1:860", "198.51.100.1:860"),
        ("[2001:db8::1]:860", "2001:db8::1:860"),
        ("[2001:db8::1]", "2001:db8::1:3260"),
        ("2001:db8::1", "2001:db8::1:3260"),
    ],
)
def test_portals_are_written_as_udev_does(
    by_path: Path, device: Path, portal: str, written: str
) -> None:
    """The default port is added and the brackets of IPv6 are left out."""
    (by_path / f"ip-{written}-iscsi-{TARGET}-lun-0x012c000000000000").symlink_to(device)
    assert initiator(portal, 300).device(Deadline(1)) == str(device)


SECRET = "correct horse #battery = staple"
RECORD = """# BEGIN RECORD 2.1.8
node.name = iqn.2001-04.com.example:shop
node.session.auth.authmethod = None
node.session.auth.chap_algs = MD5
# END RECORD
"""


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """Return a file with a CHAP secret, that only root can read."""
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("portal", "record"),
    [
        ("198.51.100.1", "198.51.100.1,3260"),
        ("198.51.100.1:860", "198.51.100.1,860,1/default"),
        ("[2001:db8::1]", "2001:db8::1,3260,-1/eth0"),
    ],
)
def test_user_and_secret_go_into_the_record_and_nowhere_else(
    programs: Programs,
    by_path: Path,
    device: Path,
    tmp_path: Path,
    secret_file: Path,
    *,
    portal: str,
    record: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """CHAP is set before the login in open-iscsi's files, which root only reads: no argument."""
    log = tmp_path / "log"
    path = tmp_path / "iscsi/nodes" / TARGET / record
    path.parent.mkdir(parents=True)
    path.write_text(RECORD)
    path.chmod(0o600)
    other = path.parents[0 if record.count("/") == 0 else 1] / "198.51.100.9,3260"
    other.write_text(RECORD)
    programs(
        "iscsiadm", f'echo "$@" >> {log}; case "$*" in *login) /bin/cp {path} {log}.seen; esac'
    )
    host, _, port = record.split("/", maxsplit=1)[0].partition(",")
    port = port.split(",")[0]
    (by_path / f"ip-{host}:{port}-iscsi-{TARGET}-lun-1").symlink_to(device)
    chap = {"user": "fred", "secret_file": str(secret_file)}
    for _ in range(2):
        initiator(portal, 1, **chap).attach(Deadline(5))
        lines = Path(f"{log}.seen").read_text().splitlines()
        assert (lines[0], lines[-1]) == ("# BEGIN RECORD 2.1.8", "# END RECORD")
        assert set(lines[1:-1]) == {
            "node.name = iqn.2001-04.com.example:shop",
            "node.session.auth.authmethod = CHAP",
            "node.session.auth.chap_algs = MD5",
            "node.session.auth.username = fred",
            f"node.session.auth.password = {SECRET}",
        }
        assert len(lines) == 7
    assert path.stat().st_mode & 0o777 == 0o600
    assert other.read_text() == RECORD
    assert SECRET not in log.read_text()
    assert SECRET not in "".join(capfd.readouterr())
    assert [each.name for each in (tmp_path / "iscsi").iterdir()] == ["nodes"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_that_others_can_read_is_refused(
    programs: Programs, secret_file: Path, mode: int
) -> None:
    """Neither group nor others may read or change it; the reason says what to do."""
    programs("iscsiadm", "exit 0")
    secret_file.chmod(mode)
    with pytest.raises(AgentError, match="is not only root's to read: chown root, chmod 600") as e:
        initiator("198.51.100.1", 0, user="fred", secret_file=str(secret_file)).attach(Deadline(5))
    assert e.value.code == Code.ERR_ARGS
    assert SECRET not in str(e.value)


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n"])
def test_a_secret_is_one_line(programs: Programs, secret_file: Path, text: str) -> None:
    """Anything else would be another setting of the record."""
    programs("iscsiadm", "exit 0")
    secret_file.write_text(text)
    with pytest.raises(AgentError, match="is not one line, the secret"):
        initiator("198.51.100.1", 0, user="fred", secret_file=str(secret_file)).attach(Deadline(5))


def test_without_a_record_there_is_no_login(programs: Programs, secret_file: Path) -> None:
    """A login without the secret would be refused by the target, for a reason hard to find."""
    programs("iscsiadm", 'case "$*" in *login) exit 99; esac')
    with pytest.raises(AgentError, match=f"^no record of {TARGET} below /"):
        initiator("198.51.100.1", 0, user="fred", secret_file=str(secret_file)).attach(Deadline(5))


def test_a_lun_that_is_mapped_later_is_looked_for_again(
    programs: Programs, by_path: Path, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session is rescanned while the LUN is waited for."""
    monkeypatch.setattr(iscsi, "RESCAN", 0.1)
    name = by_path / f"ip-198.51.100.1:3260-iscsi-{TARGET}-lun-0"
    programs("iscsiadm", f"case \"$*\" in *rescan) /bin/ln -sf {device} '{name}'; esac")
    assert initiator("198.51.100.1", 0).attach(Deadline(5)) == str(device)


def test_a_session_is_not_ended_while_another_resource_starts(
    programs: Programs, by_path: Path, device: Path, tmp_path: Path
) -> None:
    """Between the login and the mount a LUN is not in use, but about to be."""
    log = tmp_path / "log"
    (by_path / f"ip-198.51.100.1:3260-iscsi-{TARGET}-lun-1").symlink_to(device)
    programs("iscsiadm", f'echo "$@" >> {log}')
    starting = initiator("198.51.100.1", 1)
    starting.attach(Deadline(5))
    with pytest.raises(AgentError, match=f"another resource is busy with {TARGET}"):
        initiator("198.51.100.1", 0).detach(Deadline(0.3))
    assert "--logout" not in log.read_text()
    os.close(starting._lock)
    initiator("198.51.100.1", 0).detach(Deadline(5))
    assert "--logout" in log.read_text()
