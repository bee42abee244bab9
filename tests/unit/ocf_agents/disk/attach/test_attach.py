"""Where a filesystem's device comes from; the programs of the host are scripts here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_agents.disk.attach.local import LocalDevice
from ocf_agents.disk.attach.lun import Lun
from ocf_agents.disk.attach.program import AttachProgram
from ocf_agents.runtime.agent import AgentError, Deadline

TARGET = "iqn.2001-04.com.example:shop"
Programs = Callable[[str, str], Path]


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.touch()
    return path


def calls(log: Path) -> list[str]:
    return log.read_text().splitlines()


def test_a_local_device_is_found_by_path_uuid_or_label() -> None:
    """UUID= and LABEL= are looked up where udev keeps them, written as udev writes them."""
    limit = Deadline(1)
    assert LocalDevice("/dev/sdb").device(limit) == "/dev/sdb"
    assert LocalDevice("UUID=0a-1b").device(limit) == "/dev/disk/by-uuid/0a-1b"
    assert LocalDevice("LABEL=my data").device(limit) == "/dev/disk/by-label/my\\x20data"
    assert LocalDevice("nas.example:/export").attach(limit) == "nas.example:/export"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("PARTUUID=0a-1b", "partuuid/0a-1b"),
        ("PARTLABEL=data", "partlabel/data"),
        ("ID=wwn-0x5000", "id/wwn-0x5000"),
        ('LABEL="my data"', "label/my\\x20data"),
        ("-U 0a-1b", "uuid/0a-1b"),
        ("-U0a-1b", "uuid/0a-1b"),
        ("--uuid=0a-1b", "uuid/0a-1b"),
        ("--uuid 0a-1b", "uuid/0a-1b"),
        ("-L data", "label/data"),
        ("--label=a=b", "label/a=b"),
    ],
)
def test_tags_are_written_as_for_mount(written: str, path: str) -> None:
    """mount(8)'s tags, and its options, which the stock agent takes."""
    assert LocalDevice(written).device(Deadline(1)) == f"/dev/disk/by-{path}"


def test_a_late_device_is_waited_for(tmp_path: Path) -> None:
    """A device that appears within half of the time is found; the wait costs no CPU to speak of."""
    late = tmp_path / "late"
    timer = threading.Timer(0.3, late.touch)
    timer.start()
    began, cpu = time.monotonic(), time.process_time()
    assert LocalDevice(str(late)).attach(Deadline(10)) == str(late)
    assert time.monotonic() - began < 5
    assert time.process_time() - cpu < 0.1
    timer.join()


def test_a_device_that_does_not_come_leaves_time_to_say_so(tmp_path: Path) -> None:
    """Half of the time, then the reason."""
    deadline = Deadline(0.6)
    with pytest.raises(AgentError, match="is not on this node"):
        LocalDevice(str(tmp_path / "never")).attach(deadline)
    assert 0 < deadline.left() < 0.4


def test_a_label_that_udev_does_not_know_is_looked_for_on_the_disks(programs: Programs) -> None:
    """Blkid finds what another node has written; not one of two copies, and never for ever."""
    programs("blkid", 'case "$*" in *--match-token\\ LABEL=late*) echo /dev/sdz; esac')
    assert LocalDevice("LABEL=late").attach(Deadline(5)) == "/dev/sdz"
    programs("blkid", "echo /dev/sdy; echo /dev/sdz")
    with pytest.raises(AgentError, match="LABEL=late is on /dev/sdy and /dev/sdz: give the device"):
        LocalDevice("LABEL=late").attach(Deadline(5))
    for useless in ("exit 2", "exec /bin/sleep 60"):
        programs("blkid", useless)
        with pytest.raises(AgentError, match="by-label/late is not on this node"):
            LocalDevice("LABEL=late").attach(Deadline(0.5))


def test_a_local_device_that_is_missing_is_named() -> None:
    """Attaching a device that is not there fails with its path."""
    with pytest.raises(AgentError, match="the device /dev/nowhere is not on this node"):
        LocalDevice("/dev/nowhere").attach(Deadline(1))


def test_a_program_is_called_with_verb_portal_target_and_lun(
    programs: Programs, device: Path, tmp_path: Path
) -> None:
    """The three verbs, and the path that the program prints."""
    log = tmp_path / "log"
    program = programs("attach-lun", f'echo "$@" >> {log}; test $1 = detach || echo {device}')
    source = AttachProgram(str(program), Lun("198.51.100.1", TARGET, 2))
    assert source.attach(Deadline(5)) == str(device)
    assert source.device(Deadline(5)) == str(device)
    source.detach(Deadline(5))
    assert calls(log) == [f"{v} 198.51.100.1 {TARGET} 2" for v in ("attach", "device", "detach")]


def test_a_program_says_not_attached_by_exit_1_without_output(programs: Programs) -> None:
    """Exit 1 and silence mean "not attached", anything else is an error with the reason."""
    silent = programs("silent", "exit 1")
    assert AttachProgram(str(silent), Lun("p", "t", 0)).device(Deadline(5)) is None
    broken = programs("broken", "echo no route to the target >&2; exit 7")
    with pytest.raises(AgentError, match=r"^no route to the target \(device of LUN 0 failed"):
        AttachProgram(str(broken), Lun("p", "t", 0)).device(Deadline(5))


def test_a_path_that_is_not_there_is_told(programs: Programs) -> None:
    """A program that succeeds but prints no device's path is named with what it printed."""
    wrong = programs("wrong", "echo done")
    with pytest.raises(AgentError, match="attach of LUN 7 printed 'done', which is not on"):
        AttachProgram(str(wrong), Lun("p", "t", 7)).attach(Deadline(5))
