"""The client's program: inserts numbered rows, and knows which ones the server acknowledged.

Run in the client's network as `python -m vagrant.demo.ledger HOST [PATIENCE]`, the password in
$PGPASSWORD; PATIENCE is the factor by which it waits longer. It writes one JSON object a line:
{"ack": NUMBER, "begun": SECONDS, "at": SECONDS} whenever COMMIT returned, with the times of
CLOCK_MONOTONIC at which it began with the row and at which the row was acknowledged. A line "check"
on its standard input makes it look for every acknowledged row: {"acknowledged": COUNT, "lost":
[NUMBER, …]}. It ends with its standard input, or after `_LIFETIME`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable

import asyncpg

#: Nobody waits for ever for a server that is gone: what is not answered by then is tried again.
_CONNECT_LIMIT = 0.5
_COMMIT_LIMIT = 1.0
_RETRY_PAUSE = 0.02
#: Bounds the load: at most 100 rows a second, for two hours. All tests of a rig share one client.
_ROW_PAUSE = 0.01
_LIFETIME = 7200.0

_FAILURES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # Between a server's last words to an idle connection and that connection's end, asyncpg says
    # "cannot switch to state 15; another operation (2) is in progress".
    asyncpg.InternalClientError,
)


class Ledger:
    """One writer with one connection, which it opens again whenever it breaks."""

    def __init__(self, host: str, patience: float = 1.0) -> None:
        self._host = host
        self._patience = patience
        self._connection: asyncpg.Connection | None = None
        self._number = 0
        self._acknowledged: set[int] = set()

    async def write_row(self) -> None:
        """Insert the next row; if anything goes wrong its number is given up, and never counted."""
        self._number += 1
        begun = time.monotonic()
        try:
            connection = await self._connected()
            await self._within(self._commit(connection, self._number))
        except _FAILURES:
            self._disconnect()
            await asyncio.sleep(_RETRY_PAUSE)
            return
        self._acknowledged.add(self._number)
        _tell({"ack": self._number, "begun": begun, "at": time.monotonic()})

    async def check(self) -> None:
        """Compare what was acknowledged with what the server has."""
        expected = set(self._acknowledged)
        while True:
            try:
                connection = await self._connected()
                rows = await connection.fetch("SELECT number FROM ledger", timeout=30)
            except _FAILURES:
                self._disconnect()
                await asyncio.sleep(_RETRY_PAUSE)
                continue
            lost = sorted(expected - {row["number"] for row in rows})
            _tell({"acknowledged": len(expected), "lost": lost})
            return

    async def _commit(self, connection: asyncpg.Connection, number: int) -> None:
        async with connection.transaction():
            await connection.execute("INSERT INTO ledger VALUES ($1)", number)

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None:
            connection = await asyncpg.connect(
                host=self._host,
                user="postgres",
                database="postgres",
                timeout=_CONNECT_LIMIT * self._patience,
                ssl=False,
            )
            self._connection = connection
            await self._within(connection.execute(_CREATE))
        return self._connection

    async def _within(self, work: Awaitable[object]) -> None:
        async with asyncio.timeout(_COMMIT_LIMIT * self._patience):
            await work

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()  # at once: the server may not be there to say good-bye to
        self._connection = None


_CREATE = "CREATE TABLE IF NOT EXISTS ledger (number bigint PRIMARY KEY)"


def _tell(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)


async def main(host: str, patience: float = 1.0) -> None:
    """Write rows, and check on demand, until standard input ends."""
    ledger = Ledger(host, patience)
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    end = loop.time() + _LIFETIME * patience
    order = asyncio.create_task(orders.readline())
    while loop.time() < end:
        await ledger.write_row()
        await asyncio.sleep(_ROW_PAUSE * patience)
        if order.done():
            if not order.result():
                return
            await ledger.check()
            order = asyncio.create_task(orders.readline())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(float, sys.argv[2:])))
