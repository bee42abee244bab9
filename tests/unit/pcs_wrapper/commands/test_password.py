"""Where `takeover cluster create` has the password of the user hacluster from."""

from __future__ import annotations

import io

import click
import pytest

from pcs_wrapper.cluster.password import password
from pcs_wrapper.errors import UsageError


class Terminal(io.StringIO):
    """Standard input of somebody who sits before it."""

    def isatty(self) -> bool:
        """Tell that it is a terminal."""
        return True


def test_a_script_gives_it_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line, without its end."""
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\nmore\n"))
    assert password(None) == "secret"


def test_nothing_on_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty password would only fail later, on every node."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UsageError, match="standard input: no password of the user hacluster on"):
        password(None)


def test_a_terminal_is_asked_and_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed is hidden, and the question is not among the output."""
    asked: list[tuple[str, object, object]] = []

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        asked.append((text, hide_input, err))
        return "secret"

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(click, "prompt", prompt)
    assert password(None) == "secret"
    assert asked == [("Password of the user hacluster", True, True)]
