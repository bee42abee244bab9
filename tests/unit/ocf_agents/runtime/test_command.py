"""Running programs with a time limit."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.command import cause, find, run

Programs = Callable[[str, str], Path]


def test_output_errors_and_exit_code_are_returned(programs: Programs) -> None:
    """A program's words are kept apart, and the error has the last of them, and all for the log."""
    programs("disk", 'echo "out $1"; echo noise >&2; echo broken >&2; exit 4')
    result = run(["disk", "one"], Deadline(5))
    assert (result.code, result.output, result.errors) == (4, "out one\n", "noise\nbroken\n")
    error = result.error("replace it")
    assert str(error) == "broken (disk failed with 4; replace it)"
    assert error.details == "disk one failed with 4: noise\nbroken\nout one\n"


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("", ""),
        ("\n \n", ""),
        ("usage: x\nerror: no such option\n\n", "error: no such option"),
        ("mount: bad superblock\n   dmesg(1) may have more information\n", "mount: bad superblock"),
        ("   indented\n", "indented"),
        ("x" * 72, "x" * 72),
        ("x" * 73, "x" * 69 + "..."),
        ("\N{EURO SIGN}" * 25, "\N{EURO SIGN}" * 23 + "..."),
    ],
)
def test_the_cause_is_the_last_line_that_continues_no_other(output: str, line: str) -> None:
    """Tools say at the end why they failed; it is cut so that Pacemaker keeps what follows."""
    assert cause(output) == line


@pytest.mark.usefixtures("programs")
def test_a_missing_program_is_not_installed() -> None:
    """A program that is on no path gives exit code 5 and its name."""
    with pytest.raises(AgentError, match="nothing-like-this") as caught:
        find("nothing-like-this")
    assert caught.value.code == Code.ERR_INSTALLED


def test_a_file_that_is_no_program_is_not_installed(programs: Programs) -> None:
    """A script without an interpreter line, or with a missing one, is told by name."""
    for content in ("echo on\n", "#!/nowhere/sh\n"):
        programs("broken", "").write_text(content)
        with pytest.raises(AgentError, match="cannot run broken: ") as caught:
            run(["broken"], Deadline(5))
        assert caught.value.code == Code.ERR_INSTALLED


def test_a_program_that_hangs_is_killed_at_the_deadline(programs: Programs) -> None:
    """The limit holds, with a reason."""
    programs("hang", "exec /bin/sleep 60")
    began = time.monotonic()
    with pytest.raises(AgentError, match="hang did not finish in time"):
        run(["hang"], Deadline(0.2))
    assert time.monotonic() - began < 30


def test_a_daemon_left_behind_holds_nothing_up(programs: Programs) -> None:
    """A program that leaves a child with its output open is done when it ends itself."""
    programs("daemonize", "/bin/sleep 60 & echo $!")
    began = time.monotonic()
    left_behind = int(run(["daemonize"], Deadline(80)).output)
    assert time.monotonic() - began < 30
    os.kill(left_behind, signal.SIGKILL)


def test_of_a_long_output_the_beginning_and_the_end_are_kept(programs: Programs) -> None:
    """However much a program writes, it is not held up, and this uses no memory."""
    programs("talk", "echo first; /usr/bin/head -c 30000000 /dev/zero; echo; echo last; exit 1")
    result = run(["talk"], Deadline(60))
    assert result.output.startswith("first\n")
    assert result.output.endswith("\nlast\n")
    assert "bytes left out" in result.output
    assert len(result.output) < 70000
    error = result.error()
    assert str(error) == "last (talk failed with 1)"
    assert len(error.details) < 10000


def test_a_daemon_may_go_on_writing(programs: Programs, tmp_path: Path) -> None:
    """It has the output of the program that started it; nobody reads that, and it is not ended."""
    programs("cat", 'exec /bin/cat "$@"')
    done = tmp_path / "done"
    programs(
        "daemonize",
        f"{{ /bin/sleep 0.3; /usr/bin/head -c 300000 /dev/zero && echo > {done}; }} & echo started",
    )
    assert run(["daemonize"], Deadline(60)).output == "started\n"
    until = time.monotonic() + 30
    while not done.exists():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_reason_is_printable() -> None:
    """What a program writes may be meant for a terminal, or against its reader."""
    assert cause("\x1b]0;title\x07no disk\u202e") == r"\x1b]0;title\x07no disk\u202e"
