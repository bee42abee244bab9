"""Asks an application by HTTP how it is (RFC 9110, RFC 9112).

The small client below is a fifteenth of what http.client costs a monitor to load, and never reads
more than it needs. TLS certificates are not verified: the question is whether the application
serves, and one that has expired has expired on the other nodes, too.
"""

from __future__ import annotations

import _socket

from ocf_agents.program.checks.tcp import connect, host_and_port
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.command import cause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Connection(Protocol):
        """What a socket and one with TLS have in common."""

        def settimeout(self, value: float | None, /) -> None:
            """Limit each of the other calls."""

        def sendall(self, data: bytes, /) -> None:
            """Send all of it."""

        def recv(self, size: int, /) -> bytes:
            """Receive some bytes, none at the end."""


ATTEMPT = 10.0  # seconds; an answer that takes longer is none
MOST = 1 << 20  # bytes of an answer that are looked at
DIGITS = 12  # of a size; a longer one is no size
END = b"\r\n\r\n"  # of a head
PORTS = {"http": 80, "https": 443}
FORM = (
    "http://HOST:PORT/PATH status=200-299,404 text=WORDS degraded=429 degraded_text=WORDS, "
    "of which only the first is needed"
)


class HttpCheck:
    """A check that passes when the answer to a GET is as expected."""

    poll = 0.02

    def __init__(self, scheme: str, where: str, path: str) -> None:
        self._scheme = scheme
        self._where = where
        self._path = path
        self._host, port = host_and_port(where) or ("", 0)
        self._port = port or PORTS[scheme]
        self.address = (self._host, self._port)
        self.status = [(200, 299)]
        self.text = ""
        self.degraded: list[tuple[int, int]] = []
        self.degraded_text = ""

    def problem(self, deadline: Deadline) -> AgentError | None:
        """Return why it does not pass, None if it does."""
        limit = Deadline(min(ATTEMPT, deadline.left()))
        # Without the query: that is where tokens are.
        url = f"{self._scheme}://{self._where}{self._path.partition('?')[0]}"
        try:
            answer = bounded(lambda: self._ask(limit), limit, f"asking {url}")
        except AgentError as error:
            return error
        first, found, degraded = answer.split("\n")
        code = int(first[:3])
        if _within(code, self.degraded) or degraded:
            return AgentError(f"{degraded or first} ({url})", Code.DEGRADED)
        if not _within(code, self.status):
            return AgentError(f"{first} ({url})")
        if self.text and not found:
            return AgentError(f"no {self.text!r} in the answer ({url})")
        return None

    def _ask(self, limit: Deadline) -> str:
        """Return the status with its phrase, and which of the two texts were found, on lines."""
        plain = connect(self._host, self._port, limit)
        connection = _encrypt(plain, self._host) if self._scheme == "https" else plain
        connection.sendall(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._where}\r\nUser-Agent: takeover\r\n"
            "Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n".encode()
        )
        head, body = _receive(connection, limit, whole=bool(self.text or self.degraded_text))
        version, _, status = head.partition("\r\n")[0].partition(" ")
        if not version.startswith("HTTP/") or not status[:3].isdecimal():
            raise AgentError("the answer is not HTTP")
        found = [text if text.encode() in body else "" for text in (self.text, self.degraded_text)]
        return "\n".join([cause(" ".join(status.split())), *found])


def http_check(name: str, words: list[str]) -> HttpCheck:
    """Return the check for a URL and its options.

    Args:
        name: The parameter that asks for it.
        words: The words of its value.

    Raises:
        AgentError: They are no such check (ERR_CONFIGURED).
    """
    shown = " ".join([words[0].partition("?")[0], *words[1:]])
    mistake = AgentError(f"{name}={shown} is not {FORM}", Code.ERR_CONFIGURED)
    scheme, _, rest = words[0].partition("://")
    where, slash, path = rest.partition("/")
    if "@" in rest.partition("?")[0]:
        raise AgentError(f"{name}: a password does not belong into a URL", Code.ERR_CONFIGURED)
    if not host_and_port(where) or not rest.isascii() or not rest.isprintable() or "#" in rest:
        raise mistake
    check = HttpCheck(scheme, where, slash + path or "/")
    for word in words[1:]:
        key, _, value = word.partition("=")
        if key in ("text", "degraded_text") and value and "\n" not in value:
            setattr(check, key, value)
        elif key in ("status", "degraded") and (ranges := _ranges(value)):
            setattr(check, key, ranges)
        else:
            raise mistake
    return check


def _encrypt(connection: _socket.socket, host: str) -> Connection:
    import socket
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    seconds = connection.gettimeout()
    plain = socket.socket(fileno=connection.detach())
    plain.settimeout(seconds)
    return context.wrap_socket(plain, server_hostname=host)


def _receive(connection: Connection, limit: Deadline, *, whole: bool) -> tuple[str, bytes]:
    """Return the head of an answer and, if `whole`, its body."""
    data = bytearray()
    received = 0
    head: str | None = None
    body = 0  # where it begins
    while received < MOST:
        connection.settimeout(max(limit.left(), 0.01))
        piece = connection.recv(1 << 16)
        if not piece:
            break
        searched = max(0, len(data) - len(END) + 1)  # no end of a head is before that
        data += piece
        received += len(piece)
        while head is None and (end := data.find(END, searched)) >= 0:
            body = end + len(END)
            if data[9:10] == b"1":  # interim (RFC 9110, section 15.2)
                del data[:body]
                searched = 0
            else:
                head = data[:end].decode("latin-1")
        if head is not None and (not whole or _complete(head, data, body)):
            break
    if head is None:
        return data.decode("latin-1"), b""
    rest = bytes(data[body:])
    return head, _unchunked(rest) if _chunked(head) else rest


def _complete(head: str, data: bytearray, body: int) -> bool:
    if _chunked(head):
        return data.endswith(b"0\r\n\r\n", body)
    length = _header(head, "content-length")
    return length.isdecimal() and len(length) <= DIGITS and len(data) - body >= int(length)


def _chunked(head: str) -> bool:
    return _header(head, "transfer-encoding").lower() == "chunked"


def _header(head: str, name: str) -> str:
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""


def _unchunked(body: bytes) -> bytes:
    """Return the content of a body in chunks, as far as it was received (RFC 9112, 7.1)."""
    whole = bytearray()
    position = 0
    while (end := body.find(b"\r\n", position)) >= 0:
        size = body[position:end].partition(b";")[0].strip()
        try:
            length = int(size, 16) if len(size) <= DIGITS else 0
        except ValueError:
            break
        if length <= 0:
            break
        whole += body[end + 2 : end + 2 + length]
        position = end + 2 + length + 2
    return bytes(whole)


def _ranges(text: str) -> list[tuple[int, int]]:
    """Return the ranges of status codes in "200-299,404"; none if it is anything else."""
    found = []
    for word in text.split(","):
        low, _, high = word.partition("-")
        if not all(
            code.isascii() and code.isdigit() and len(code) <= DIGITS for code in (low, high or low)
        ):
            return []
        found.append((int(low), int(high or low)))
    return found


def _within(code: int, ranges: list[tuple[int, int]]) -> bool:
    return any(low <= code <= high for low, high in ranges)
