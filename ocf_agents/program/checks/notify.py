"""How an application says by itself that it is ready (sd_notify(3), "New-Style Daemons").

The agent receives messages while a start lasts. Later ones are lost, which their senders do not
notice.
"""

from __future__ import annotations

import _socket
import os
from array import array

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.command import cause
from ocf_agents.runtime.process import Process, identify, name, pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.containment import Containment

VARIABLE = "NOTIFY_SOCKET"
SCM_CREDENTIALS = 2  # unix(7); the C module does not name it
LONGEST = 4096  # bytes of a message, as for systemd
MOST_DESCRIPTORS = 253  # in a message (unix(7))
CREDENTIALS = 12  # bytes of a struct ucred: pid, uid, gid


# systemd-notify(1) ends when its message was received, and fails if nobody receives it.
WAITS = "systemd-notify"
BARRIER = 5.0  # seconds; as long as it waits itself (BARRIER_TIMEOUT_USEC)
POLL = 0.02
MOST = 100  # messages that are read in a row: anybody may send as many as they like


class NotifyCheck:
    """A check that passes once a process of the application has sent READY=1.

    Args:
        containment: What has the processes of the application; messages of others are ignored.

    Attributes:
        status: The application's own words for its state.
        main: The process that the application calls its first one, None if it has named none.
        child: The process that was started; while it was not reaped, the number is no other's.
        address: None: there is no port.
    """

    address = None

    poll = 0.05  # a message is noticed at once

    def __init__(self, containment: Containment) -> None:
        self._containment = containment
        self._ready = False
        self.status = ""
        self.main: Process | None = None
        self.child = 0
        self._socket = _socket.socket(
            _socket.AF_UNIX,
            _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK,
        )
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
        # An abstract name: nothing is left of it, whoever is killed, and any user may send to it.
        # At random, so that nobody can bind it before, or after it was closed.
        self._name = f"takeover-app-{os.urandom(16).hex()}"
        self._socket.bind(f"\0{self._name}")

    @property
    def environment(self) -> dict[str, str]:
        """The variable that has the address of the socket, for the application."""
        return {VARIABLE: f"@{self._name}"}

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is a message."""
        return self._socket.fileno()

    def close(self, deadline: Deadline) -> None:
        """Close the socket, once every process that waits for an answer has it."""
        patience = Deadline(min(BARRIER, deadline.left()))
        while patience.left() and any(map(_waits_for_answer, self._containment.members())):
            pause((self._socket.fileno(),), POLL)
            self._receive_all()
        self._socket.close()

    def problem(self, deadline: Deadline) -> AgentError | None:  # noqa: ARG002
        """Return the status that the application has sent, None if it is ready."""
        self._receive_all()
        if self._ready:
            return None
        return AgentError(cause(self.status) or "it has not sent READY=1")

    def _receive_all(self) -> None:
        for _ in range(MOST):
            if not self._receive():
                return

    def _receive(self) -> bool:
        """Receive one message, and tell whether there was one."""
        space = _socket.CMSG_SPACE(CREDENTIALS) + _socket.CMSG_SPACE(4 * MOST_DESCRIPTORS)
        try:
            text, attached, _, _ = self._socket.recvmsg(LONGEST, space, _socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        sender = 0
        descriptors = array("i")
        for level, kind, data in attached:
            if level == _socket.SOL_SOCKET and kind == SCM_CREDENTIALS:
                sender = array("i", data)[0]
            elif level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        # The sender's number tells nothing any more when it has ended; so systemd, too, ignores it.
        if sender and (sender == self.child or sender in self._containment.members()):
            self._read(text.decode(errors="replace"))
        # With BARRIER=1 the sender waits for this: the messages before it have been read.
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _read(self, message: str) -> None:
        for line in message.splitlines():
            key, _, value = line.partition("=")
            if key == "READY" and value == "1":
                self._ready = True
            elif key == "STATUS":
                self.status = " ".join(value.split())
            elif key == "MAINPID":
                # As with systemd: only one of its own.
                pids = {str(pid): pid for pid in self._containment.members()}
                self.main = identify(pids[value]) if value in pids else self.main


def _waits_for_answer(pid: int) -> bool:
    return name(pid) == WAITS
