"""Log lines: in the journal with the resource's name under Pacemaker, else on standard error."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.runtime import journal


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a program does that has not said yet where it logs."""
    monkeypatch.setattr(journal, "_fields", b"")


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A journal that keeps what it gets."""
    path = str(tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path)
        listening.settimeout(5)
        monkeypatch.setattr(journal, "SOCKET", path)
        yield listening


def test_under_pacemaker_a_line_is_in_the_journal(
    listener: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    """It bears the resource's name, its priority, and may have line breaks."""
    journal.use_journal("ip(shop-address)", "shop-address")
    journal.log("one\ntwo\n", journal.WARNING)
    entry = listener.recv(4096)
    assert b"SYSLOG_IDENTIFIER=ip(shop-address)\n" in entry
    assert b"TAKEOVER_RESOURCE=shop-address\n" in entry
    assert b"PRIORITY=4\n" in entry
    assert b"MESSAGE\n\7\0\0\0\0\0\0\0one\ntwo\n" in entry
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("listener")
def test_by_hand_a_line_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever tries an agent wants to see what it says: then nobody asks for the journal."""
    journal.log("one")
    assert capsys.readouterr().err == "one\n"


def test_without_a_journal_nothing_is_lost(
    listener: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the journal does not take it, Pacemaker's log has it."""
    journal.use_journal("ip(shop-address)", "shop-address")
    listener.close()
    journal.log("one")
    assert capsys.readouterr().err == "one\n"


def test_a_name_cannot_add_fields(listener: socket.socket) -> None:
    """A resource's name with a line break stays one field."""
    journal.use_journal("ip", "a\nPRIORITY=0")
    journal.log("one")
    assert listener.recv(4096).count(b"\nPRIORITY=") == 1


HOSTILE = {
    "an escape sequence": ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
    "a C1 control character": ("\x9b31m", "\\x9b31m"),
    "one that turns the writing": ("\u202ekcatta\u2066", "\\u202ekcatta\\u2066"),
    "a byte that is no text": ("\udcff", "\\xff"),
    "carriage return and backspace": ("a\rb\bc", "a\\x0db\\x08c"),
    "a line separator": ("a\u2028b", "a\\u2028b"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_acts_on_a_terminal(
    listener: socket.socket, capsys: pytest.CaptureFixture[str], text: str, shown: str
) -> None:
    """Whoever said it: in the journal, on standard error and in the resource's name."""
    assert journal.printable(text) == shown
    journal.log(text)
    assert capsys.readouterr().err == f"{shown}\n"
    journal.use_journal("ip", text)
    journal.log(text)
    entry = listener.recv(4096)
    assert entry.count(shown.encode()) == 2
    assert f"TAKEOVER_RESOURCE={shown}\n".encode() in entry


def test_text_stays_as_it_is() -> None:
    """Other scripts, too; lines stay lines."""
    assert journal.printable("naïve 日本語 العربية") == "naïve 日本語 العربية"
    assert journal.printable("a\n\tb", "\n\t") == "a\n\tb"


def test_an_entry_is_bounded(listener: socket.socket) -> None:
    """Of a flood the end is kept, which has the cause."""
    journal.use_journal("ip", "shop")
    journal.log("x" * (8 << 20) + "the end")
    entry = listener.recv(1 << 20)
    assert len(entry) < 20000
    assert entry.endswith(b"the end\n")
