"""What agents remember between actions."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_agents.runtime import registration, state
from ocf_agents.runtime.process import recall
from ocf_agents.runtime.state import LONGEST_NAME, State, plain


@pytest.fixture
def remembered(tmp_path: Path) -> State:
    return State({"HA_RSCTMP": str(tmp_path / "new")}, "shop:0/x")


def test_values_are_read_back(remembered: State) -> None:
    """What was written is read, also when values contain equals signs."""
    remembered.write({"pid": "12", "path": "/a=b"})
    assert remembered.read() == {"pid": "12", "path": "/a=b"}


def test_only_the_owner_may_read(remembered: State) -> None:
    """The file has mode 0600, and a name without what a file name cannot have."""
    remembered.write({})
    path = Path(remembered.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.name == "takeover-shop:3a0:2fx.state"


def test_nothing_is_left_but_the_file(remembered: State) -> None:
    """The file is replaced in one step and leaves no temporary file."""
    remembered.write({"a": "1"})
    remembered.write({"b": "2"})
    assert [path.name for path in Path(remembered.path).parent.iterdir()] == [
        "takeover-shop:3a0:2fx.state"
    ]
    assert remembered.read() == {"b": "2"}


def test_an_action_that_was_killed_leaves_nothing_for_ever(remembered: State) -> None:
    """A temporary file that was left half-written is used again."""
    remembered.write({"a": "1"})
    Path(f"{remembered.path}.new").write_text("half a li")
    remembered.write({"b": "2"})
    assert remembered.read() == {"b": "2"}
    assert len(list(Path(remembered.path).parent.iterdir())) == 1


def test_nothing_is_remembered_across_a_reboot(
    remembered: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file from before the reboot counts as none."""
    remembered.write({"pid": "12"})
    monkeypatch.setattr(state, "boot_id", lambda: "another")
    assert remembered.read() == {}


def test_forgetting_takes_what_a_killed_action_left_with_it(remembered: State) -> None:
    """After a stop there is no file at all, however the start before it ended."""
    remembered.write({"pid": "12"})
    Path(f"{remembered.path}.new").write_text("half a li")
    remembered.forget()
    assert not list(Path(remembered.path).parent.iterdir())


def test_forgetting_twice_is_fine(remembered: State) -> None:
    """Forgetting what was never remembered does nothing."""
    remembered.write({"pid": "12"})
    remembered.forget()
    remembered.forget()
    assert remembered.read() == {}


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300)


@given(NAMES, NAMES)
def test_no_two_resources_share_a_name(one: str, other: str) -> None:
    """Whatever they are called, and however long their names are."""
    assert (plain(one) == plain(other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web:0", "web_0"),
        ("web:1", "web:11"),
        ("käse", "k_se"),
        ("käse", "kàse"),
        ("a" * 300, "a" * 301),
        ("a" * 222, "a" * 223),
        ("a:3a", "a:"),
        ("shop\udcff", "shop_"),
    ],
)
def test_names_that_look_alike_are_told_apart(one: str, other: str) -> None:
    """In the state, in the watcher's registration, and wherever else `plain` is used."""
    assert State({}, one).path != State({}, other).path
    assert registration.path({}, one) != registration.path({}, other)


@pytest.mark.parametrize("name", ["shop", "web_0", "a-b.c_D9", "x" * LONGEST_NAME, ".", "default"])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    """Resources that older agents have started are found again."""
    assert plain(name) == name


@given(NAMES)
def test_every_name_fits_into_a_folder(name: str) -> None:
    """With all that is put around it, at most 255 bytes; and nothing but what units may have."""
    paths = (State({}, name).path, State({}, name, "announcements").path)
    assert all(len(os.path.basename(f"{path}.new").encode()) <= 255 for path in paths)  # noqa: PTH119
    assert len(f"takeover-app-{plain(name)}.scope") <= 255
    assert set(plain(name)) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_."
    )


def test_a_part_is_no_other_resource() -> None:
    """A resource may be called like the announcements of another one."""
    assert State({}, "shop", "announcements").path != State({}, "shop.announcements").path


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"\0" * 100, b"", b"boot", b"=", b"boot=x\npid=1", b"a" * 100000],
    ids=["no text", "zeros", "empty", "half", "no name", "another boot", "endless"],
)
def test_a_garbled_file_is_none(remembered: State, content: bytes) -> None:
    """An action goes on, and a stop that has done its work succeeds."""
    remembered.write({"pid": "1"})
    Path(remembered.path).write_bytes(content)
    assert remembered.read() == {}
    remembered.write({"pid": "2"})
    assert remembered.read() == {"pid": "2"}
    remembered.forget()


@pytest.mark.parametrize("pid", ["9" * 5000, "²", "\u0661", "-1", "0", "1e3", str(1 << 40), " 1"])
def test_a_number_that_is_no_process_is_none(remembered: State, pid: str) -> None:
    """Python refuses thousands of digits, the kernel large numbers, and all the rest is none."""
    remembered.write({"pid": pid, "started": "1"})
    assert recall(remembered.read()) is None


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "open to others"])
def test_what_is_in_the_way_is_not_believed(remembered: State, kind: str, tmp_path: Path) -> None:
    """Neither read through, nor waited for."""
    remembered.write({"pid": "1"})
    path = Path(remembered.path)
    whole = path.read_bytes()
    path.unlink()
    if kind == "link":
        (tmp_path / "elsewhere").write_bytes(whole)
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(whole)
        path.chmod(0o666)
    assert remembered.read() == {}
    remembered.forget()


@pytest.mark.parametrize("kind", ["link", "pipe", "open to others"])
def test_what_is_in_the_way_is_not_written_to(remembered: State, kind: str, tmp_path: Path) -> None:
    """A new file takes its place."""
    path, temporary = Path(remembered.path), Path(f"{remembered.path}.new")
    path.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("precious")
    for each in (path, temporary):
        if kind == "link":
            each.symlink_to(tmp_path / "elsewhere")
        elif kind == "pipe":
            os.mkfifo(each)
        else:
            each.touch()
            each.chmod(0o666)
    remembered.write({"pid": "1"})
    assert remembered.read() == {"pid": "1"}
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_folder_that_was_made_under_a_umask_of_none(tmp_path: Path) -> None:
    """Only its owner can change it; one that is open to all is closed, unless it is sticky."""
    before = os.umask(0)
    try:
        State({"HA_RSCTMP": str(tmp_path / "a/b")}, "shop").write({})
        registration.write({"HA_RSCTMP": str(tmp_path / "a/b")}, "shop", "node1", [])
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a").rglob("*")}
    assert modes == {
        "b": 0o755,
        "takeover-watch": 0o700,
        "shop.watch": 0o600,
        "takeover-shop.state": 0o600,
    }
    for mode, after in ((0o777, 0o755), (0o1777, 0o1777)):
        (tmp_path / "a/b").chmod(mode)
        State({"HA_RSCTMP": str(tmp_path / "a/b")}, "shop").write({})
        assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == after


def test_a_registration_has_no_line_of_somebody_elses(tmp_path: Path) -> None:
    """A name with a line break would add one."""
    with pytest.raises(OSError, match="line break"):
        registration.write({"HA_RSCTMP": str(tmp_path)}, "a\nnode=b", "node1", [])
