"""A child becomes a program after steps of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.children.execution import execute


@pytest.fixture
def null() -> tuple[int, int]:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    return descriptor, descriptor


def test_the_steps_come_before_the_program_and_its_variables(
    tmp_path: Path, null: tuple[int, int]
) -> None:
    """While the child takes them it has the agent's environment, and no other."""
    seen = tmp_path / "seen"

    def prepare() -> None:
        assert "SECRET" not in os.environ
        os.chdir(tmp_path)

    command = ["/bin/sh", "-c", "echo $SECRET > seen.new; mv seen.new seen"]
    pid = execute(command, {"SECRET": "s3cret", "PATH": "/bin"}, null, prepare, Deadline(10))
    assert os.waitpid(pid, 0)[1] == 0
    assert seen.read_text() == "s3cret\n"


def test_a_step_that_fails_is_told(null: tuple[int, int]) -> None:
    """With the file that it was about; and the program does not run."""
    with pytest.raises(AgentError, match=r"^cannot start /bin/true: No such file.*: /nowhere$"):
        execute(["/bin/true"], {}, null, lambda: os.chdir("/nowhere"), Deadline(10))
    with pytest.raises(AgentError, match=r"^cannot start /nowhere/x: No such file or directory$"):
        execute(["/nowhere/x"], {}, null, lambda: None, Deadline(10))


def test_a_step_that_hangs_is_left_behind_in_time(null: tuple[int, int]) -> None:
    """A working folder on a dead server keeps no action from ending."""
    began = time.monotonic()
    with pytest.raises(AgentError, match="could not be started in time"):
        execute(["/bin/true"], {}, null, lambda: time.sleep(60), Deadline(0.2))
    assert time.monotonic() - began < 20


def test_the_program_has_no_other_descriptors(tmp_path: Path, null: tuple[int, int]) -> None:
    """Not those of the agent either, whatever limit on their number it has."""
    kept = os.dup2(null[0], 300, inheritable=True)
    seen = tmp_path / "seen"
    command = ["/bin/sh", "-c", f"ls /proc/$$/fd > {seen}"]
    pid = execute(command, {"PATH": "/bin:/usr/bin"}, null, lambda: None, Deadline(10))
    os.waitpid(pid, 0)
    os.close(kept)
    assert "300" not in seen.read_text().split()
