"""What is waited for: one line that changes on a terminal, few lines elsewhere."""

from __future__ import annotations

import io
import os

import pytest

from pcs_wrapper.commands.live_line import LiveLine

_CLEAR = "\r\x1b[K"


class Terminal(io.StringIO):
    """Keeps what a terminal is sent."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal of 40 columns."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 24)))
    return Terminal()


def test_on_a_terminal_the_line_changes_in_place(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seventy polls leave no line behind; other messages come above it."""
    console = LiveLine(terminal).console()
    for second in range(70):
        console.waiting("node1 must be fenced", float(second))
    console.detail("node node1: online")
    console.waiting("shop-app is being started", 70.0)
    console.waiting("", 71.0)
    shown = terminal.getvalue()
    assert "\n" not in shown
    assert shown.startswith(f"{_CLEAR}    0 s  waiting: node1 must be fenced{_CLEAR}    1 s  ")
    assert shown.endswith(f"{_CLEAR}{_CLEAR}   70 s  waiting: shop-app is being st…{_CLEAR}")
    assert capsys.readouterr().err == "node node1: online\n"


def test_the_line_obeys_nobody_and_is_one_line(terminal: Terminal) -> None:
    """A reason with control characters is shown by their numbers."""
    LiveLine(terminal).show("a\x1b[2J\nb", 1.0)
    assert terminal.getvalue() == f"{_CLEAR}    1 s  waiting: a\\x1b[2J\\x0ab"


def test_elsewhere_a_line_comes_only_with_something_new(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A journal or a pipe gets what changes, and a sign of life each minute."""
    line = LiveLine(io.StringIO())
    for second in range(131):
        line.show("node1 must be fenced" if second < 70 else "shop starts", float(second))
    line.show("", 131.0)
    assert capsys.readouterr().err.splitlines() == [
        "  2.0 s  waiting: node1 must be fenced",
        " 62.0 s  waiting: node1 must be fenced",
        " 70.0 s  waiting: shop starts",
        "130.0 s  waiting: shop starts",
    ]
