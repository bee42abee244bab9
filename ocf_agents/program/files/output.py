"""Where an application's output goes: to files, to the journal, or without it to one of ours."""

from __future__ import annotations

import _socket
import os
import stat

from ocf_agents.program.files.trusted import open_for
from ocf_agents.program.names import identifier, output_file
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.command import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocf_agents.program.files.trusted import Owner

JOURNAL = "/run/systemd/journal/stdout"
PRIORITY_INFO = 6
LINES = 5  # of the end, for a reason
BYTES = 2000
KEPT = 256 << 10  # bytes of the end of a file of ours that has become too long
MODE = 0o640
FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND  # appended to, so that it may be rotated by truncation


class Output:
    """The output of one application; its journal identifier is takeover-app-INSTANCE.

    Args:
        environ: The environment of the action.
        instance: The name of the resource.
        account: The user that the application runs as.
        files: The files for standard output, "" for the journal, and for standard error, "" for
            where standard output goes.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        instance: str,
        account: Owner,
        files: tuple[str, str] = ("", ""),
    ) -> None:
        self._identifier = identifier(instance)
        self._own = output_file(environ, instance)
        self._account = account
        self._paths = files
        self._opened: dict[str, int] = {}  # what to write to, by path; "" is the journal
        self._sizes: dict[int, int] = {}  # of the files, before the application wrote anything

    def open(self) -> tuple[int, int]:
        """Return the descriptors for the application's standard output and error."""
        output, errors = self._paths
        return self._open(output), self._open(errors or output)

    def hand_over(self) -> None:
        """Close what only the application writes to: the journal waits for the end of a stream."""
        for path, descriptor in list(self._opened.items()):
            if descriptor not in self._sizes:
                os.close(self._opened.pop(path))

    def close(self) -> None:
        """Close everything that was opened."""
        for descriptor in self._opened.values():
            os.close(descriptor)
        self._opened.clear()
        self._sizes.clear()

    def tail(self, since: float) -> str:
        """Return the last lines of what this start wrote; "" if it wrote none.

        Args:
            since: When the start began, in seconds since the epoch.
        """
        # Through the descriptors: by now the file's name may be that of any other file.
        ends = [_end(file, size) for file, size in self._sizes.items()]
        if not self._paths[0]:
            ends.append(self._tail_of_journal(since))
        return "\n".join(filter(None, ends))

    def _open(self, path: str) -> int:
        if path not in self._opened:
            self._opened[path] = descriptor = self._open_new(path)
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                self._sizes[descriptor] = status.st_size
        return self._opened[path]

    def _open_new(self, path: str) -> int:
        if path:
            return self._open_file(path)
        if os.path.exists(JOURNAL):
            return self._open_journal()
        os.makedirs(os.path.dirname(self._own), exist_ok=True)
        return os.open(self._own, FLAGS | os.O_TRUNC | os.O_NOFOLLOW, 0o600)

    def _open_file(self, path: str) -> int:
        descriptor = open_for(self._account, path, FLAGS, MODE)
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISCHR(kind):
            os.close(descriptor)
            raise AgentError(f"{path} is neither a file nor a device", Code.ERR_INSTALLED)
        os.set_blocking(descriptor, True)
        return descriptor

    def _open_journal(self) -> int:
        """Connect to the journal as systemd-cat(1) does (sd_journal_stream_fd(3))."""
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        connection.connect(JOURNAL)
        # Identifier, unit, priority, then whether to read <N> prefixes, forward to syslog, to the
        # kernel's log, to the console.
        connection.send(f"{self._identifier}\n\n{PRIORITY_INFO}\n1\n0\n0\n0\n".encode())
        return connection.detach()

    def _tail_of_journal(self, since: float) -> str:
        if not os.path.exists(JOURNAL):
            return ""
        command = ["journalctl", "--quiet", "--no-pager", "--boot", "--output=cat"]
        select = [f"--lines={LINES}", f"--identifier={self._identifier}", f"--since=@{since:.6f}"]
        patience = Deadline(2)
        try:
            run(["journalctl", "--sync"], patience)  # the last words may still be on their way
            return run([*command, *select], patience).output
        except AgentError:
            return ""  # the reason is worth telling without the application's words


def shorten(path: str) -> None:
    """Keep only the end of a file of ours, which an application goes on to write to."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        end = os.pread(descriptor, KEPT, max(0, size - KEPT))
        os.ftruncate(descriptor, 0)
        os.write(descriptor, end)
    finally:
        os.close(descriptor)


def _end(file: int, size: int) -> str:
    """Return the last lines of a file, of those after its first `size` bytes."""
    begin = max(size, os.fstat(file).st_size - BYTES)
    text = os.pread(file, BYTES, begin).decode(errors="replace")
    return "\n".join(text.splitlines()[-LINES:])
