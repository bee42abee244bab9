"""The demo's client against a server that dies: it opens a new connection and carries on."""

import asyncio
import struct

import pytest

from vagrant.demo.ledger import Ledger


def _message(kind: bytes, body: bytes) -> bytes:
    """A message of PostgreSQL's protocol ("Frontend/Backend Protocol", section 55.7)."""
    return kind + struct.pack("!I", len(body) + 4) + body


_AUTHENTICATED = _message(b"R", struct.pack("!I", 0)) + _message(b"S", b"server_version\x0015.0\0")
_IDLE, _IN_TRANSACTION = (_message(b"Z", state) for state in (b"I", b"T"))
_SHUTTING_DOWN = _message(b"E", b"SFATAL\0C57P01\0Mterminating connection\0\0")


class _DyingServer:
    """Its first connection is told of a shutdown while it is idle, and left open a little longer.

    That is what a client sees between PostgreSQL's last words and the end of the connection.
    """

    def __init__(self) -> None:
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        dying = self.connections == 1
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        await reader.readexactly(length - 4)
        writer.write(_AUTHENTICATED + _IDLE)
        while kind := await reader.read(1):
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            body = await reader.readexactly(length - 4)
            if kind == b"Q":
                word = body.split(b" ")[0].rstrip(b";\0")
                idle = _IDLE if word in (b"CREATE", b"COMMIT", b"ROLLBACK") else _IN_TRANSACTION
                writer.write(_message(b"C", word + b"\0") + idle)
            elif kind == b"P":
                prepared = _message(b"t", struct.pack("!HI", 1, 20)) + _message(b"n", b"")
                writer.write(_message(b"1", b"") + prepared)
            elif kind == b"B":
                writer.write(_message(b"2", b"") + _message(b"C", b"INSERT 0 1\0"))
            elif kind == b"S":
                writer.write(_IN_TRANSACTION)
            if dying and kind == b"Q":
                writer.write(_SHUTTING_DOWN)
        writer.close()


async def _write_rows(server: _DyingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listener:
        monkeypatch.setenv("PGPORT", str(listener.sockets[0].getsockname()[1]))
        ledger = Ledger("127.0.0.1")
        for _ in range(20):
            await ledger.write_row()


def test_a_server_that_shuts_down_under_an_idle_connection_costs_a_row_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The driver calls that an internal error; for the client it is a connection to open again."""
    server = _DyingServer()
    asyncio.run(_write_rows(server, monkeypatch))
    assert server.connections == 2
    assert capsys.readouterr().out.count('"ack"') == 19
