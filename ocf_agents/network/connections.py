"""Close the TCP connections of an address that leaves the node, which would dangle otherwise.

sock_diag(7): the kernel lists the sockets and closes them with a reset to the other end, as
`ss --kill` has it do. It needs CONFIG_INET_DIAG_DESTROY.
"""

from __future__ import annotations

import _socket
import errno
import struct

from ocf_agents.network import netlink

SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 20, 21
INET_DIAG_REQ_BYTECODE = 1
SOURCE_IS, DESTINATION_IS = 7, 8  # INET_DIAG_BC_S_COND, INET_DIAG_BC_D_COND
ANY_PORT = -1
# Bits of linux/tcp_states.h: all states but listening, and waiting for a time without any data.
TCP_TIME_WAIT, TCP_LISTEN, TCP_STATES = 6, 10, 13
CONNECTED = (1 << TCP_STATES) - 2 & ~(1 << TCP_LISTEN | 1 << TCP_TIME_WAIT)
SOCKET_ID = slice(4, 52)  # of struct inet_diag_msg
NO_SOCKET = bytes(40) + b"\xff" * 8  # struct inet_diag_sockid without a cookie


class Unsupported(Exception):
    """The kernel cannot close other programs' connections."""


def close_connections(ip: bytes) -> int:
    """Close the TCP connections from and to a packed address, and return how many.

    Also those to it: only this node's own programs have them, as long as the address is here.

    Raises:
        Unsupported: The kernel cannot do that.
        OSError: The kernel refuses it.
    """
    families = [netlink.family(ip)]
    if families == [netlink.AF_INET]:
        families.append(netlink.AF_INET6)  # of programs that listen on :: for both
    return sum(
        _close(family, side, ip) for family in families for side in (SOURCE_IS, DESTINATION_IS)
    )


def _close(family: int, side: int, ip: bytes) -> int:
    """Close the connections of a family whose source or destination is an address."""
    condition = _attribute_condition(side, ip)
    closed = 0
    for found in _diag(SOCK_DIAG_BY_FAMILY, netlink.NLM_F_DUMP, family, NO_SOCKET, condition):
        try:
            _diag(SOCK_DESTROY, netlink.NLM_F_ACK, found[0], found[SOCKET_ID])
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                raise Unsupported from error
            if error.errno != errno.ENOENT:  # it has just ended
                raise
        else:
            closed += 1
    return closed


def _diag(
    kind: int, flags: int, family: int, socket_id: bytes, condition: bytes = b""
) -> list[bytes]:
    """Send a request about TCP sockets (struct inet_diag_req_v2); return the answers."""
    body = struct.pack("=BBBxI", family, _socket.IPPROTO_TCP, 0, CONNECTED) + socket_id
    return netlink.exchange(kind, flags, body + condition, netlink.NETLINK_SOCK_DIAG)


def _attribute_condition(side: int, ip: bytes) -> bytes:
    """Return a filter by one address (struct inet_diag_bc_op, struct inet_diag_hostcond)."""
    host = struct.pack("=BBxxi", netlink.family(ip), len(ip) * 8, ANY_PORT) + ip
    length = 4 + len(host)
    # A socket that matches goes on to the end of the filter, any other one beyond it.
    program = struct.pack("=BBH", side, length, length + 4) + host
    return netlink.attribute(INET_DIAG_REQ_BYTECODE, program)
