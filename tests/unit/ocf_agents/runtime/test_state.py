"""What agents remember between actions."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ocf_agents.runtime import state
from ocf_agents.runtime.state import State


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
    assert path.name == "takeover-shop_0_x.state"


def test_nothing_is_left_but_the_file(remembered: State) -> None:
    """The file is replaced in one step and leaves no temporary file."""
    remembered.write({"a": "1"})
    remembered.write({"b": "2"})
    assert [path.name for path in Path(remembered.path).parent.iterdir()] == [
        "takeover-shop_0_x.state"
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
