"""A client that knocks at PostgreSQL's door: `python -m bench.knocking HOST`.

After each knock it prints the time of CLOCK_MONOTONIC, and whether the server asked it to log in
(`served`) or not (`missed`). Unlike the demo's client it never waits for an answer longer than
`_PATIENCE`: what is measured with it is the server, not the waiting of a client whose packet was
lost.
"""

import select
import socket
import struct
import sys
import time

_PORT = 5432
_PATIENCE = 0.05
#: From one knock to the next, in seconds: seldom while it is served, as each costs the server a
#: process; else as often as an outage shall be measured exactly.
_SELDOM, _OFTEN = 0.06, 0.01
_LIFETIME = 3600.0

# The protocol's version 3.0 and the user (PostgreSQL: "Message Formats", StartupMessage).
_PARAMETERS = b"user\0postgres\0\0"
_STARTUP = struct.pack("!II", 8 + len(_PARAMETERS), 3 << 16) + _PARAMETERS
_AUTHENTICATION = b"R"  # the first byte of the answer; "E" while the server starts or stops


def _is_served(host: str) -> bool:
    try:
        with socket.create_connection((host, _PORT), _PATIENCE) as connection:
            connection.sendall(_STARTUP)
            return connection.recv(1) == _AUTHENTICATION
    except OSError:
        return False


def main(host: str) -> None:
    """Knock until standard input ends."""
    end = time.monotonic() + _LIFETIME
    pause = 0.0
    while time.monotonic() < end and not select.select([sys.stdin], [], [], pause)[0]:
        served = _is_served(host)
        print(time.monotonic(), "served" if served else "missed", flush=True)
        pause = _SELDOM if served else _OFTEN


if __name__ == "__main__":
    main(sys.argv[1])
