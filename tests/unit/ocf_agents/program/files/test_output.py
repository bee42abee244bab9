"""Where an application's output goes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_agents.program.account import Account
from ocf_agents.program.files import output
from ocf_agents.program.files.output import Output


def test_only_the_last_words_of_this_start_are_told(
    programs: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is asked once it has everything, and from the very moment of the start."""
    log = tmp_path / "log"
    monkeypatch.setattr(output, "JOURNAL", str(tmp_path))
    programs("journalctl", f'echo "$@" >> {log}; echo no such database')
    assert Output({}, "shop", Account("")).tail(1700000000.25) == "no such database\n"
    synchronize, query = log.read_text().splitlines()
    assert synchronize == "--sync"
    assert "--identifier=takeover-app-shop --since=@1700000000.250000" in query


def test_the_journal_hears_the_end_of_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the end of a line until the stream ends: the agent must not keep it open."""
    monkeypatch.setattr(output, "JOURNAL", str(tmp_path / "journal"))
    with socket.socket(socket.AF_UNIX) as journal:
        journal.bind(str(tmp_path / "journal"))
        journal.listen()
        given = Output({}, "shop", Account(""), ("", str(tmp_path / "errors")))
        standard, errors = given.open()
        os.write(errors, b"no database\n")
        os.write(standard, b"half a line")
        given.hand_over()
        with journal.accept()[0] as stream, stream.makefile() as text:
            assert text.read().splitlines()[-1] == "half a line"
    assert given.tail(0) == "no database"
    given.close()
