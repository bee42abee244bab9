"""Output without an end, and words that a terminal or a log should not get."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocf_agents.program.application import MOST_OUTPUT
from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node

DEEP = {**RECURRING, "OCF_CHECK_LEVEL": "10"}
SLEEP = {"binfile": "/bin/sleep", "cmdline_options": "601", "user": "nobody"}
MEBIBYTE = 1 << 20


def memory_in_use() -> int:
    """Return what files without a disk use of this machine's memory, in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Shmem:"))


@pytest.fixture
def peak() -> Iterator[list[int]]:
    """Return a list that gets what memory was used above that of the beginning."""
    before = memory_in_use()
    seen: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            seen.append(memory_in_use() - before)

    looking = threading.Thread(target=look)
    looking.start()
    yield seen
    over.set()
    looking.join()


@pytest.mark.parametrize("parameter", ["health", "monitor_hook"])
def test_a_check_that_writes_without_end_uses_no_memory(
    node: Node, peak: list[int], parameter: str
) -> None:
    """It is read and forgotten, until its time is over; the log gets little of it."""
    value = "/usr/bin/yes x" if parameter == "monitor_hook" else "command:/usr/bin/yes x"
    given = {**SLEEP, parameter: value, "health_timeout": "2", "ready": "command:/bin/true"}
    assert node.act("app", "start", **given) == (0, "")
    code, said = node.act("app", "monitor", DEEP, **given)
    assert code == Code.ERR_GENERIC
    assert "yes did not finish in time and was killed" in said
    assert len(said) < 10000
    assert max(peak) < 100 * MEBIBYTE  # others use some, too; unread it would be gigabytes
    assert node.act("app", "stop", **given) == (0, "")


def test_the_last_words_of_a_long_output_are_the_reason(node: Node, theirs: Path) -> None:
    """A program that writes much is not held up, and what it says at the end is heard."""
    check = theirs / "check"
    check.write_text(
        "#!/bin/sh\nhead -c 50000000 /dev/zero | tr '\\0' x\necho\necho no disk\nexit 1\n"
    )
    check.chmod(0o755)
    given = {**SLEEP, "health": f"command:{check}"}
    assert node.act("app", "start", **given) == (0, "")
    code, said = node.act("app", "monitor", DEEP, **given)
    assert code == Code.ERR_GENERIC
    assert "ocf-exit-reason:no disk (check failed with 1); sleep is not healthy" in said
    assert len(said) < 10000
    assert node.act("app", "stop", **given) == (0, "")


def test_a_terminal_gets_nothing_to_act_on(node: Node, theirs: Path) -> None:
    """Escape sequences and letters that turn the text around are shown as numbers in a reason."""
    check = theirs / "check"
    check.write_bytes(b"#!/bin/sh\nprintf '\\033]0;title\\007\\342\\200\\256no disk'\nexit 1\n")
    check.chmod(0o755)
    given = {**SLEEP, "health": f"command:{check}"}
    assert node.act("app", "start", **given) == (0, "")
    said = node.act("app", "monitor", DEEP, **given)[1].rpartition("ocf-exit-reason:")[2]
    words = r"\x1b]0;title\x07\u202eno disk (check failed with 1); sleep is not healthy"
    assert said == f"{words}\n"
    assert node.act("app", "stop", **given) == (0, "")


def test_arguments_of_a_check_are_not_logged(node: Node, theirs: Path) -> None:
    """They may have a password, as those of many clients have."""
    check = theirs / "check"
    check.write_text("#!/bin/sh\necho no; exit 1\n")
    check.chmod(0o755)
    given = {**SLEEP, "health": f"command:{check} --password=s3cret"}
    assert node.act("app", "start", **given) == (0, "")
    assert "s3cret" not in node.act("app", "monitor", DEEP, **given)[1]
    assert node.act("app", "stop", **given) == (0, "")


def test_the_output_of_an_application_without_a_journal_stays_small(node: Node) -> None:
    """The file is in memory: every monitor makes a long one short, and keeps its end."""
    script = f'head -c {3 * MOST_OUTPUT} /dev/zero | tr "\\0" x; echo; echo the end; exec sleep 601'
    given = {**SLEEP, "binfile": "/bin/sh", "cmdline_options": f"-c '{script}'"}
    if Path("/run/systemd/journal/stdout").exists():
        node.run("mount", "-t", "tmpfs", "none", "/run/systemd/journal")
    assert node.act("app", "start", **given) == (0, "")
    [log] = node.state.glob("*.log")
    until = time.monotonic() + 20
    while not log.read_bytes().endswith(b"the end\n"):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert node.act("app", "monitor", RECURRING, **given) == (0, "")
    assert log.stat().st_size < MOST_OUTPUT
    assert log.read_bytes().endswith(b"the end\n")
    assert node.act("app", "stop", **given) == (0, "")


@contextmanager
def server(node: Node, script: str, answer: bytes) -> Iterator[None]:
    """Serve an answer on the node."""
    process = subprocess.Popen(
        [*node.enter, sys.executable, "-IS", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == b"there\n"
    feeding = threading.Thread(target=process.communicate, args=(answer,))
    feeding.start()
    yield
    process.kill()
    feeding.join()


@pytest.mark.parametrize("kind", ["chunks", "interim answers", "single bytes"])
def test_an_answer_in_crumbs_takes_no_longer_than_others(node: Node, kind: str) -> None:
    """A mebibyte of chunks of one byte each was minutes of work; it is looked at once."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = {
        "chunks": head + b"1\r\nx\r\n" * 150000 + b"7\r\nwell ok\r\n0\r\n\r\n",
        "interim answers": b"HTTP/1.1 100 C\r\n\r\n" * 40000 + head + b"7\r\nwell ok\r\n0\r\n\r\n",
        "single bytes": head + b"7\r\nwell ok\r\n0\r\n\r\n",
    }[kind]
    serve = (
        "import socket\n"
        "s = socket.create_server(('127.0.0.1', 8766))\n"
        "print('there', flush=True)\n"
        "data = open(0, 'rb').read()\n"
        "c = s.accept()[0]\n"
        "c.recv(4096)\n"
        f"c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, {kind == 'single bytes'})\n"
        f"for i in range(0, len(data), {1 if kind == 'single bytes' else 1 << 20}):\n"
        f"    c.sendall(data[i:i + {1 if kind == 'single bytes' else 1 << 20}])\n"
    )
    assert node.act("app", "start", **SLEEP) == (0, "")
    with server(node, serve, answer):
        given = {**SLEEP, "health": "http://127.0.0.1:8766/ text='well ok'"}
        began = time.monotonic()
        assert node.act("app", "monitor", DEEP, **given) == (0, "")
        assert time.monotonic() - began < 8
    assert node.act("app", "stop", **SLEEP) == (0, "")
