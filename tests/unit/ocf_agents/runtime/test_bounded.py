"""Work that may hang is done in a child."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import TimedOut, bounded


def test_the_answer_comes_back() -> None:
    """A child's answer is the work's, also with characters that are no text."""
    assert bounded(lambda: "caf\u00e9 \udcff", Deadline(5), "asking") == "caf\u00e9 \udcff"


def test_a_failure_comes_back_with_what_was_done() -> None:
    """The words of an OSError or AgentError, and what failed."""
    with pytest.raises(AgentError, match=r"^No such file or directory \(reading it failed\)$"):
        bounded(lambda: Path("/nowhere/at/all").read_text(), Deadline(5), "reading it")

    def refuse() -> str:
        raise AgentError("not today")

    with pytest.raises(AgentError, match=r"^not today \(asking failed\)$"):
        bounded(refuse, Deadline(5), "asking")


def test_a_child_that_dies_is_no_answer() -> None:
    """A killed child is a failure, never an empty success."""

    def die() -> str:
        os.kill(os.getpid(), 9)
        return ""

    with pytest.raises(AgentError, match="the process was killed"):
        bounded(die, Deadline(5), "asking")


def test_what_hangs_is_left_behind_in_time() -> None:
    """At the deadline the agent goes on, and the child holds none of its output open."""
    began = time.monotonic()
    read, write = os.pipe()
    os.set_inheritable(write, True)
    saved = os.dup(1)
    os.dup2(write, 1)

    def hang() -> str:
        time.sleep(60)
        return ""

    try:
        with pytest.raises(TimedOut, match=r"^no answer within 0.2 s \(reading /dev/sdb\)$"):
            bounded(hang, Deadline(0.2), "reading /dev/sdb")
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(write)
    assert time.monotonic() - began < 5
    assert os.read(read, 1) == b""
    os.close(read)
