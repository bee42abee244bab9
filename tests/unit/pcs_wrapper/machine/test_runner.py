"""The runner of all external programs, with real ones."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pcs_wrapper.errors import CommandFailed, CommandTimedOut, ProgramMissing
from pcs_wrapper.machine.runner import Runner
from tests.unit.fakes.cluster import Cluster
from vagrant.common.waiting import eventually


def test_arguments_are_passed_as_they_are() -> None:
    """No shell sees the arguments: spaces and quotes stay what they are."""
    result = Runner().run("printf", "%s|", "a b", "$HOME", "'", timeout=10)
    assert result.stdout == "a b|$HOME|'|"


def test_the_environment_is_minimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's locale, PATH and secrets do not reach the programs."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("SECRET", "x")
    lines = Runner().run("env", timeout=10).stdout.splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert names <= {"PATH", "LC_ALL", "HOME", "PWD"}
    assert "LC_ALL=C" in lines
    assert os.environ["PATH"] == "/nowhere"


def test_standard_input_is_given_and_closed() -> None:
    """A program reads what it is given, and then the end: it never waits for more."""
    assert Runner().run("cat", stdin="secret\n", timeout=10).stdout == "secret\n"
    assert Runner().run("cat", timeout=10).stdout == ""


def test_a_failure_has_command_output_and_cure() -> None:
    """The error says what was run, what came back and what to do."""
    with pytest.raises(CommandFailed) as caught:
        Runner().run("ls", "/does not exist", timeout=10, hint="Make it")
    assert caught.value.status == 2
    first, second, last = str(caught.value).splitlines()
    assert first == "`ls '/does not exist'` failed with exit code 2"
    assert "No such file" in second
    assert last == "Make it"


def test_an_expected_exit_code_is_no_failure() -> None:
    """Exit codes that mean something are returned."""
    assert Runner().run("ls", "/does not exist", timeout=10, ok=(2,)).exit_code == 2


def test_a_program_that_hangs_is_stopped() -> None:
    """After its time, a program is killed and named."""
    with pytest.raises(CommandTimedOut, match=r"`sleep 60` did not finish within 0\.2 s"):
        Runner().run("sleep", "60", timeout=0.2)


def test_what_a_program_that_hangs_has_started_ends_with_it(tmp_path: Path) -> None:
    """Nothing is left that works on when the user has been told that it was stopped."""
    done = tmp_path / "done"
    script = f"(sleep 1; touch {done}) & wait"
    with pytest.raises(CommandTimedOut):
        Runner().run("sh", "-c", script, timeout=0.2)
    time.sleep(1.2)
    assert not done.exists()


def test_a_program_is_over_when_it_ends_whatever_it_leaves_behind() -> None:
    """A daemon that it has started may keep its output open: nobody waits for that."""
    begin = time.monotonic()
    left = int(Runner().run("sh", "-c", "sleep 40 & echo $!", timeout=30).stdout)
    os.kill(left, signal.SIGKILL)
    assert time.monotonic() - begin < 30


def test_much_may_be_read_and_printed_at_once() -> None:
    """Neither of the two waits for the other."""
    text = "0123456789abcdef" * 2**16
    assert Runner().run("tee", "/dev/stderr", stdin=text, timeout=30).stdout == text


def test_programs_run_side_by_side() -> None:
    """Each thread has the answer of its own program."""
    with ThreadPoolExecutor(8) as pool:
        numbers = [f"{number}" for number in range(40)]
        results = pool.map(lambda number: Runner().run("echo", number, timeout=30), numbers)
        assert [each.stdout.strip() for each in results] == numbers


@pytest.mark.parametrize(("times", "ended"), [(1, True), (2, False)])
def test_an_interruption_lets_a_program_end_and_a_second_one_does_not(
    times: int, *, ended: bool, tmp_path: Path
) -> None:
    """Half of what pcs does is worse than all of it; but nobody has to wait for it."""
    begun, done = tmp_path / "begun", tmp_path / "done"
    script = f"touch {begun}; sleep 1.5; touch {done}"
    code = (
        f"from pcs_wrapper.machine.runner import Runner\n"
        f"Runner().run('sh', '-c', {script!r}, timeout=60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as process:
        assert eventually(begun.exists, 30)
        for _ in range(times):
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in error
    assert done.exists() == ended


@pytest.mark.parametrize("stream", ["", " >&2"])
def test_a_program_that_prints_without_an_end_is_stopped(stream: str) -> None:
    """Nothing of it is kept beyond a limit, and it is not waited for."""
    with pytest.raises(CommandFailed, match="it printed more than 64 MiB, and was stopped"):
        Runner().run("sh", "-c", f"exec yes{stream}", timeout=60)


def test_an_argument_may_be_any_bytes() -> None:
    """A path need not be UTF-8; nor need what a program prints."""
    assert Runner().run("printf", "%s", "ä\udcff", timeout=10).stdout == "ä\ufffd"


def test_a_program_that_is_missing_is_named_with_its_package(cluster: Cluster) -> None:
    """The error says what to install."""
    cluster.programs.clear()
    with pytest.raises(ProgramMissing, match=r"pcs is not installed .*: apt install pcs"):
        cluster.run("pcs", "status", timeout=10)
    with pytest.raises(ProgramMissing) as caught:
        cluster.require("crm_mon", "crm_resource")
    assert caught.value.packages == ("pacemaker-cli-utils",)


def test_the_debug_log_has_commands_and_results_but_no_input(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Everything that was run can be read, the secrets that were given cannot."""
    with caplog.at_level(logging.DEBUG):
        Runner().run("wc", "-c", stdin="hunter2", timeout=10)
    assert "running: wc -c" in caplog.text
    assert "stdout: 7" in caplog.text
    assert "hunter2" not in caplog.text
