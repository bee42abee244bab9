"""Processes of an application that have left the place where it keeps its processes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from ocf_agents.program.processes.relatives import VARIABLE, Mark, relatives
from ocf_agents.runtime.agent import Deadline
from ocf_agents.runtime.process import identify

Process = subprocess.Popen[bytes]


@pytest.fixture
def marked() -> Iterator[tuple[Mark, Process]]:
    """Return a mark, and a process in another session that has it."""
    mark = Mark.new()
    environment = {VARIABLE: mark.mark}
    process = subprocess.Popen(["/bin/sleep", "300"], env=environment, start_new_session=True)
    yield mark, process
    process.kill()
    process.wait()


def test_they_are_known_by_a_variable(marked: tuple[Mark, Process]) -> None:
    """Of those alone that started after the application did."""
    mark, process = marked
    assert relatives(mark, (), Deadline(20)) == [process.pid]
    assert relatives(Mark.new(), (), Deadline(20)) == []
    this = identify(process.pid)
    assert this is not None
    mark.since = str(int(this.started) + 1)
    assert relatives(mark, (), Deadline(20)) == []


def test_they_are_known_by_their_session(marked: tuple[Mark, Process]) -> None:
    """As long as it is the same one: its number may be used again."""
    this = identify(marked[1].pid)
    assert this is not None
    assert relatives(Mark("", str(this.pid), this.started), (), Deadline(20)) == [this.pid]
    assert relatives(Mark("", str(this.pid), "1"), (), Deadline(20)) == []


@pytest.mark.parametrize("session", ["", "0", "1", "-1", "\u00b2", "9" * 5000, "x"])
def test_what_is_no_session_has_no_members(session: str) -> None:
    """Those of the kernel's processes and of init least of all."""
    assert relatives(Mark("", session, ""), (), Deadline(20)) == []


def test_they_are_known_by_their_parents(marked: tuple[Mark, Process]) -> None:
    """Their children and these children's, but not what is known already."""
    found = relatives(Mark("", "", ""), (os.getpid(),), Deadline(20))
    assert marked[1].pid in found
    assert os.getpid() not in found


def test_without_anything_to_know_them_by_nobody_is_looked_for() -> None:
    """A probe of what never ran here costs nothing."""
    assert relatives(Mark("", "", ""), (), Deadline(0)) == []
