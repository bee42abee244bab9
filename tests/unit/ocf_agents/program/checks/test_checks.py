"""Whether an application serves: what checks there are, and what they make of real answers."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocf_agents.program.account import Account
from ocf_agents.program.checks.command import CommandCheck
from ocf_agents.program.checks.grammar import parse_check
from ocf_agents.program.checks.tcp import host_and_port
from ocf_agents.program.checks.words import split_hook
from ocf_agents.runtime.agent import AgentError, Code, Deadline

Serve = Callable[..., str]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves answers, one to each connection, and gives HOST:PORT."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(
        *pieces: bytes,
        asked: list[bytes] | None = None,
        tls: ssl.SSLContext | None = None,
        pause: float = 0,
        keep: bool = False,
    ) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer(plain: socket.socket) -> None:
            connection = tls.wrap_socket(plain, server_side=True) if tls else plain
            with connection:
                request = connection.recv(4096)
                if asked is not None:
                    asked.append(request)
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
                if keep:
                    connection.recv(1)

        def run() -> None:
            while True:
                try:
                    plain = listener.accept()[0]
                except OSError:
                    return
                try:
                    answer(plain)
                except OSError:
                    continue  # the client has heard enough

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        host, port = listener.getsockname()
        return f"{host}:{port}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(10)


def by_command(words: list[str]) -> CommandCheck:
    return CommandCheck(words, Account(""))


def problem(text: str, seconds: float = 5) -> AgentError | None:
    return parse_check("health", text, by_command).problem(Deadline(seconds))


def verdict(text: str, seconds: float = 5) -> tuple[int, str]:
    """Return the code and the reason of a check, (0, "") if it passes."""
    found = problem(text, seconds)
    return (found.code, str(found)) if found else (0, "")


def test_a_port_that_accepts_connections_passes(serve: Serve) -> None:
    """Tcp asks nothing more, and a port where nobody listens is told with the kernel's words."""
    where = serve()
    assert problem(f"tcp:{where}") is None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reason = f"Connection refused (connecting to port {port} of 127.0.0.1 failed)"
    assert verdict(f"tcp:127.0.0.1:{port}") == (Code.ERR_GENERIC, reason)
    assert problem(f"tcp:localhost:{where.rpartition(':')[2]}") is None


def test_an_ipv6_port_is_in_brackets() -> None:
    """The last colon is the port's."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        assert problem(f"tcp:[::1]:{listener.getsockname()[1]}") is None


def test_an_http_answer_with_a_good_status_passes(serve: Serve) -> None:
    """A plain GET with the host that it is for; 200 to 299 unless asked for otherwise."""
    asked: list[bytes] = []
    where = serve(OK, asked=asked)
    assert problem(f"http://{where}/health?deep=1") is None
    assert asked[0].startswith(f"GET /health?deep=1 HTTP/1.1\r\nHost: {where}\r\n".encode())
    assert b"\r\nConnection: close\r\n" in asked[0]
    assert problem(f"http://{where}") is None
    assert asked[1].startswith(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        ("503 Service Unavailable", "", (Code.ERR_GENERIC, "503 Service Unavailable")),
        ("302 Found", "", (Code.ERR_GENERIC, "302 Found")),
        ("302 Found", "status=200,301-302", (0, "")),
        ("200 OK", "status=301", (Code.ERR_GENERIC, "200 OK")),
        ("429 Slow", "degraded=429", (Code.DEGRADED, "429 Slow")),
        ("200 OK", "degraded=429", (0, "")),
        ("200 OK", "text='all is well'", (0, "")),
        ("200 OK", "text='all is lost'", (Code.ERR_GENERIC, "no 'all is lost' in the answer")),
        ("200 OK", "degraded_text=well", (Code.DEGRADED, "well")),
        ("503 Sick", "text=well", (Code.ERR_GENERIC, "503 Sick")),
    ],
)
def test_the_answer_is_judged_by_status_and_text(
    serve: Serve, answer: str, options: str, expected: tuple[int, str]
) -> None:
    """What is expected, what is degraded, and all else is a failure with its cause first."""
    where = serve(OK.replace(b"200 OK", answer.encode()))
    code, reason = verdict(f"http://{where}/ {options}".strip())
    assert (code, reason) == (expected[0], expected[1] and f"{expected[1]} (http://{where}/)")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nall is well",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"6\r\nall is\r\n5;x=y\r\n well\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
    ],
    ids=["until the end", "chunked", "after an interim answer"],
)
def test_every_framing_of_http_is_understood(serve: Serve, answer: bytes) -> None:
    """The text is found whatever way the server sends it, in however many pieces."""
    where = serve(*(answer[i : i + 7] for i in range(0, len(answer), 7)))
    assert problem(f"http://{where}/ text='all is well'") is None


@pytest.mark.parametrize("answer", [OK, OK.replace(b"Content-Length: 11", b"Connection: x")])
def test_a_server_that_keeps_the_connection_is_not_waited_for(serve: Serve, answer: bytes) -> None:
    """The check is done when it has seen what it asked for."""
    where = serve(answer, keep=True)
    assert problem(f"http://{where}/") is None
    if b"Length" in answer:
        assert problem(f"http://{where}/ text=well") is None


def test_an_answer_that_drips_is_cut_off_at_the_limit(serve: Serve) -> None:
    """The limit is one for all of it, not for every byte."""
    where = serve(*[b"x"] * 100, pause=0.4)
    began = time.monotonic()
    code, reason = verdict(f"http://{where}/", seconds=0.5)
    assert code == Code.ERR_GENERIC
    assert reason.endswith(f"(asking http://{where}/)") or "timed out" in reason
    assert time.monotonic() - began < 20


def test_what_is_no_http_is_told(serve: Serve) -> None:
    """Another kind of server on the port, or one that closes at once."""
    where = serve(b"SSH-2.0-x\r\n\r\n")
    reason = f"the answer is not HTTP (asking http://{where}/ failed)"
    assert verdict(f"http://{where}/") == (Code.ERR_GENERIC, reason)
    assert "the answer is not HTTP" in verdict(f"http://{serve()}/")[1]


def test_a_certificate_is_not_verified(serve: Serve, tmp_path: Path) -> None:
    """One that has expired, or is for another name, is no reason to move the application."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(),
            *("-subj", "/CN=elsewhere.example", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    where = serve(OK, tls=context)
    assert problem(f"https://{where}/ text=well") is None
    assert verdict(f"https://{where}/ status=204")[0] == Code.ERR_GENERIC
    assert verdict(f"https://{serve(OK)}/")[0] == Code.ERR_GENERIC


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 0", (0, "")),
        ("echo no disk; exit 1", (Code.ERR_GENERIC, "no disk (sh failed with 1)")),
        ("echo one disk of two; exit 190", (Code.DEGRADED, "one disk of two")),
        ("exit 190", (Code.DEGRADED, "sh says so")),
    ],
)
def test_a_command_is_judged_by_its_exit_code(script: str, expected: tuple[int, str]) -> None:
    """0 passes, 190 is degraded, as an agent's own codes; all else is a failure."""
    assert verdict(f"command:/bin/sh -c '{script}'") == expected


def test_a_token_in_a_url_is_in_no_reason(serve: Serve) -> None:
    """The reason names the page, without what follows the question mark."""
    where = serve(OK)
    assert verdict(f"http://{where}/health?token=secret status=204") == (
        Code.ERR_GENERIC,
        f"200 OK (http://{where}/health)",
    )


def test_what_a_server_says_is_cut(serve: Serve) -> None:
    """A reason has few bytes, and a log few lines."""
    where = serve(b"HTTP/1.1 500 " + b"\x1bx" * 50000 + b"\r\n\r\n")
    reason = verdict(f"http://{where}/")[1]
    assert len(reason) < 200
    assert reason.isprintable()


def test_a_length_that_is_no_number_is_no_length(serve: Serve) -> None:
    """More digits than any size has."""
    where = serve(OK.replace(b"11", b"9" * 5000))
    assert problem(f"http://{where}/ text=well") is None


def test_a_command_is_killed_at_its_limit() -> None:
    """A check that hangs has failed."""
    code, reason = verdict("command:/bin/sleep 60", seconds=0.2)
    assert code == Code.ERR_GENERIC
    assert reason == "sleep did not finish in time and was killed"


@pytest.mark.parametrize(
    "text",
    [
        "5432",
        "tcp:127.0.0.1",
        "tcp:127.0.0.1:0",
        "tcp:127.0.0.1:65536",
        "tcp:::1:80",
        "tcp::80",
        "command:pg_isready",
        "command:",
        "http:127.0.0.1",
        "http://",
        "http://:80/",
        "http://host:port/",
        "http://host/#part",
        "http://host/ status=ok",
        "http://host/ status=",
        "http://host/ text=",
        "http://host/ colour=red",
        "http://höst/",
        "http://user:secret@host/",
        "https//user:secret@host/",
        "HTTP://user:secret@host/",
        "tcp:user:secret@host:5432",
        "http://host/user:secret@elsewhere/",
        "http://host/?token=secret colour=red",
        "tcp:host:\uff15\uff14\uff13\uff12",
        "http://host:\uff18\uff10/",
        f"tcp:host:{'9' * 5000}",
        f"http://host/ status={'9' * 5000}",
        "https://host/ 'open",
        "ftp://host/",
        "notify",
    ],
)
def test_what_is_no_check_is_a_mistake_on_every_node(text: str) -> None:
    """It names the parameter; a password in a URL is refused without being repeated."""
    with pytest.raises(AgentError) as caught:
        parse_check("health", text, by_command)
    assert caught.value.code == Code.ERR_CONFIGURED
    assert str(caught.value).startswith("health")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host:80", ("host", 80)),
        ("host", ("host", 0)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ("[2001:db8::1]", ("2001:db8::1", 0)),
        ("2001:db8::1", None),
        ("[host]:80", None),
        ("", None),
    ],
)
def test_hosts_and_ports_are_told_apart(text: str, expected: tuple[str, int] | None) -> None:
    """Brackets are for IPv6 addresses, and for nothing else."""
    assert host_and_port(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "curl http://localhost | grep well",
        "test -f /run/x && true",
        "check >/dev/null",
        "check 2>&1",
        "check $OCF_RESKEY_port",
        'check "`date`"',
        "(check)",
    ],
)
def test_a_hook_that_needs_a_shell_is_a_mistake(text: str) -> None:
    """The stock agent evaluates it with one; what would be something else here is refused."""
    with pytest.raises(AgentError, match="needs a shell, and gets none: put it into a script"):
        split_hook("monitor_hook", text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("check --title='a | b' x", ["check", "--title=a | b", "x"]),
        ('check "a & b"', ["check", "a & b"]),
        ("check '$5' \\$6", ["check", "$5", "$6"]),
        ("check it\\'s", ["check", "it's"]),
    ],
)
def test_a_hook_without_a_shell_is_split_as_one_would(text: str, words: list[str]) -> None:
    """What is quoted is no operator."""
    assert split_hook("monitor_hook", text) == words
