"""`takeover service prepare`: an empty disk gets a filesystem and first data, or stays empty."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cib_templates.reading.reading import read_description
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.runner import Result, Runner
from tests.unit.pcs_wrapper.conftest import EXAMPLE, LIVE, Takeover

ATTACH = "/usr/local/lib/takeover-rig/attach-lun"
WHERE = "203.0.113.129:3260 iqn.2026-11.com.example:rig 1"
DEVICE = "/dev/loop64"
INITDB = ("/usr/lib/postgresql/15/bin/initdb", "-D", "data")
RUN = f"runuser --user=postgres -- env --chdir=/srv/shop {shlex.join(INITDB)}"
BY_PATH = "dev/disk/by-path/ip-203.0.113.129:3260-iscsi-iqn.2026-11.com.example:rig-lun-1"


@dataclass(repr=False)
class Disk(Runner):
    """A disk, and the programs that look at it and change it.

    Attributes:
        root: The folder in which the machine's file systems begin.
        on_it: What is on it, as blkid prints it; empty if nothing is known.
        is_zero: Whether it begins with zeros.
        attached: Whether it is attached.
        mounted: Whether it is mounted.
        failing: The first words of a command that fails.
        interrupted: The first words of a command during which somebody types Ctrl-C.
        calls: The commands that were run.
    """

    root: Path
    on_it: str = ""
    is_zero: bool = True
    attached: bool = False
    mounted: bool = False
    failing: str = "nothing"
    interrupted: str = "nothing"
    calls: list[str] = field(default_factory=list)

    def find(self, program: str) -> str | None:
        """Find every program."""
        return program

    def execute(  # noqa: PLR0912 - a case for each program
        self, command: tuple[str, ...], *, stdin: str, timeout: float
    ) -> Result:
        """Do to the disk what the program does."""
        assert not stdin
        assert timeout > 0
        shown = shlex.join(command)
        self.calls.append(shown)
        if shown.startswith(self.interrupted):
            raise KeyboardInterrupt
        if shown.startswith(self.failing):
            return Result(1, "", "it cannot be")
        match command:
            case (program, "attach", *_) if program == ATTACH:
                self.attached = True
                return Result(0, f"{DEVICE}\n", "")
            case (program, "device", *_) if program == ATTACH:
                return Result(0 if self.attached else 1, "", "")
            case (program, "detach", *_) if program == ATTACH:
                assert not self.mounted
                self.attached = False
            case ("iscsiadm", *_, "--login"):
                (self.root / BY_PATH).parent.mkdir(parents=True)
                (self.root / BY_PATH).touch()
            case ("iscsiadm", *_, "--logout"):
                assert not self.mounted
                (self.root / BY_PATH).unlink()
            case ("blkid", "--probe", device):
                found = Result(0, f'{device}: TYPE="{self.on_it}" USAGE="filesystem"\n', "")
                return found if self.on_it else Result(2, "", "")
            case ("cmp", *_):
                return Result(0 if self.is_zero else 1, "", "")
            case ("mkfs.ext4", "-q", _):
                assert not self.on_it
                self.on_it, self.is_zero = "ext4", False
            case ("mount", *_):
                assert self.on_it
                self.mounted = True
            case ("umount", _):
                self.mounted = False
            case ("wipefs", *_):
                assert not self.mounted
                self.on_it = ""
            case ("dd", *_):
                assert not self.mounted
                self.is_zero = True
        return Result(0, "", "")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "root")


@pytest.fixture
def prepare(takeover: Takeover, disk: Disk, tmp_path: Path) -> Takeover:
    """Return the command line on a machine with an empty LUN, and a description of it."""
    machine: Machine = replace(takeover.machine, runner=disk, root=disk.root)
    text = (LIVE / "shop.toml").read_text()
    (tmp_path / "shop.toml").write_text(text)
    assert f'attach = "{ATTACH}"' in text
    (tmp_path / "open-iscsi.toml").write_text(text.replace(f'attach = "{ATTACH}"\n', ""))
    (tmp_path / "disk.toml").write_text(
        "".join(
            f'device = "{DEVICE}"\n' if line.startswith("portal") else line
            for line in text.splitlines(keepends=True)
            if not line.startswith(("target", "lun", "attach"))
        )
    )
    return Takeover(machine, takeover.said, [], [])


def test_an_empty_lun_gets_its_filesystem_and_its_first_data(
    prepare: Takeover, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mounted meanwhile where the service has it, and made by the application's user."""
    assert prepare("service", "prepare", "shop", tmp_path / "shop.toml", "--", *INITDB) == 0
    assert disk.calls == [
        f"{ATTACH} device {WHERE}",
        f"{ATTACH} attach {WHERE}",
        f"blkid --probe {DEVICE}",
        f"cmp --silent --bytes=1048576 {DEVICE} /dev/zero",
        f"mkfs.ext4 -q {DEVICE}",
        "mkdir --parents /srv/shop",
        f"mount -t ext4 -o noatime {DEVICE} /srv/shop",
        "chown postgres: /srv/shop",
        RUN,
        "umount /srv/shop",
        f"{ATTACH} detach {WHERE}",
    ]
    assert (disk.on_it, disk.mounted, disk.attached) == ("ext4", False, False)
    assert capsys.readouterr().out == (
        "shop: LUN 1 of iqn.2026-11.com.example:rig has a new ext4 that belongs to postgres, with "
        f"what `{INITDB[0]}` has made in it. It is not mounted: the cluster does that\n"
    )


@pytest.mark.parametrize(
    ("on_it", "is_zero", "told"),
    [("xfs", True, "it has xfs. Nothing"), ("", False, "data that nothing here knows")],
)
def test_a_disk_with_anything_on_it_is_left_alone(
    prepare: Takeover, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str], *,
    on_it: str, is_zero: bool, told: str,
) -> None:  # fmt: skip
    """Another node may have it mounted, or a database may write to it without a filesystem."""
    disk.on_it, disk.is_zero = on_it, is_zero
    assert prepare("service", "prepare", "shop", tmp_path / "shop.toml") == 1
    said = capsys.readouterr().err
    assert f"{DEVICE} (LUN 1 of iqn.2026-11.com.example:rig), the disk of shop, is not" in said
    assert told in said
    assert "Nothing was changed" in said
    assert (disk.on_it, disk.attached) == (on_it, False)
    assert not [each for each in disk.calls if each.startswith(("mkfs", "wipefs", "mount"))]


@pytest.mark.parametrize("failing", ["mkfs.ext4", "mount", "chown", "runuser"])
def test_what_fails_leaves_the_disk_empty(
    prepare: Takeover, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str], failing: str
) -> None:
    """So the same command can be run again."""
    disk.failing = failing
    words = ("service", "prepare", "shop", tmp_path / "shop.toml", "--", *INITDB)
    assert prepare(*words) == 1
    said = capsys.readouterr().err
    assert "it cannot be" in said
    assert "The disk is empty as before" in said
    assert (disk.on_it, disk.is_zero, disk.mounted, disk.attached) == ("", True, False, False)
    disk.failing = "nothing"
    assert prepare(*words) == 0


def test_ctrl_c_leaves_the_disk_empty(
    prepare: Takeover, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And that is said."""
    disk.interrupted = "runuser"
    assert prepare("service", "prepare", "shop", tmp_path / "shop.toml", "--", *INITDB) == 130
    assert "is empty as before, and not mounted" in capsys.readouterr().err
    assert (disk.on_it, disk.mounted, disk.attached) == ("", False, False)


def test_a_server_that_the_command_leaves_behind_keeps_the_data(
    prepare: Takeover, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was made is there; it is only still mounted, and what to do is said."""
    disk.failing = "umount"
    disk.attached = True
    assert prepare("service", "prepare", "shop", tmp_path / "shop.toml", "--", *INITDB) == 1
    assert "fuser --mount /srv/shop" in capsys.readouterr().err
    assert (disk.on_it, disk.mounted) == ("ext4", True)


def test_open_iscsi_logs_in_and_out(prepare: Takeover, disk: Disk, tmp_path: Path) -> None:
    """The record is left to the cluster: a boot does not log in."""
    assert prepare("service", "prepare", "shop", tmp_path / "open-iscsi.toml") == 0
    node = "iscsiadm --mode node --targetname iqn.2026-11.com.example:rig"
    node += " --portal 203.0.113.129:3260"
    iscsi = [call for call in disk.calls if call.startswith("iscsiadm")]
    assert iscsi == [
        f"{node} --op new",
        f"{node} --op update -n node.startup -v manual",
        f"{node} --login",
        f"{node} --logout",
    ]
    assert f"mkfs.ext4 -q /{BY_PATH}" in disk.calls


def test_a_session_that_is_there_stays(prepare: Takeover, disk: Disk, tmp_path: Path) -> None:
    """With CHAP, for example, somebody has logged in before."""
    (disk.root / BY_PATH).parent.mkdir(parents=True)
    (disk.root / BY_PATH).touch()
    assert prepare("service", "prepare", "shop", tmp_path / "open-iscsi.toml") == 0
    assert not [call for call in disk.calls if call.startswith("iscsiadm")]


def test_a_disk_that_is_not_there_is_named(
    prepare: Takeover, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is run then."""
    clock = iter(range(0, 1000, 10))
    prepare.machine = replace(prepare.machine, clock=lambda: next(clock), sleep=lambda _: None)
    assert prepare("service", "prepare", "shop", tmp_path / "disk.toml") == 1
    assert f"{DEVICE} is not there: nothing was changed" in capsys.readouterr().err
    assert disk.calls == []


def test_a_dry_run_shows_the_steps(
    prepare: Takeover, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As commands, and with --json as data."""
    assert prepare("service", "prepare", "--dry-run", "shop", tmp_path / "disk.toml") == 0
    lines = [each for each in capsys.readouterr().out.splitlines() if not each.startswith("#")]
    assert lines == [
        f"blkid --probe {DEVICE}",
        f"mkfs.ext4 -q {DEVICE}",
        "mkdir --parents /srv/shop",
        f"mount -t ext4 -o noatime {DEVICE} /srv/shop",
        "chown postgres: /srv/shop",
        "umount /srv/shop",
    ]
    words = ("service", "prepare", "--dry-run", "--json", "shop", tmp_path / "shop.toml")
    assert prepare(*words, "--", *INITDB) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["owner"] == "postgres"
    assert RUN in [command for step in told["steps"] for command in step["commands"]]
    assert disk.calls == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[services.shop]", "[services.store]", "has no service 'shop'; its services are store"),
        (f'device = "{DEVICE}"', 'device = "LABEL=shop"', "names the filesystem that is to be"),
        ('type = "ext4"', 'type = "squashfs"', "of the type squashfs: make it yourself"),
    ],
)
def test_what_cannot_be_prepared_is_refused(
    prepare: Takeover, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str], *,
    old: str, new: str, told: str,
) -> None:  # fmt: skip
    """Before anything is run."""
    file = tmp_path / "disk.toml"
    text = file.read_text()
    if new.startswith("[services.store"):
        text = text.replace("[services.shop.", "[services.store.")
    assert old in text
    file.write_text(text.replace(old, new))
    assert prepare("service", "prepare", "shop", file) == 2
    assert told in capsys.readouterr().err
    assert disk.calls == []


def test_a_mirror_is_prepared_in_another_way(
    prepare: Takeover, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both of its disks are not used by their own names."""
    file = EXAMPLE.with_name("mirror.toml")
    [name] = read_description(file).services
    assert prepare("service", "prepare", name, file) == 2
    assert f"{name} is on a mirror" in capsys.readouterr().err
    assert disk.calls == []
