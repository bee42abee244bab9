"""Where agents log: under Pacemaker in the journal, with the resource's name; by hand on stderr.

`journalctl TAKEOVER_RESOURCE=shop-address` shows the lines of one resource. A reason of a failure
is not logged here: Pacemaker takes it from standard error, and logs it itself.
"""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time
import sys

SOCKET = "/run/systemd/journal/socket"
ERROR, WARNING, INFO = 3, 4, 6  # syslog(3)
LONGEST = 16384  # characters of an entry; the end of a program's output says why it failed

_fields = b""  # of every entry, once `use_journal` was called


def use_journal(identifier: str, resource: str) -> None:
    """Have `log` write to the journal from now on, if there is one.

    Args:
        identifier: The name to log under.
        resource: The resource that the entries are about.
    """
    global _fields  # noqa: PLW0603 - a program has one log
    if posix.access(SOCKET, posix.F_OK):
        # On one line: a field ends with it.
        identifier, resource = printable(identifier), printable(resource)
        _fields = f"SYSLOG_IDENTIFIER={identifier}\nTAKEOVER_RESOURCE={resource}\n".encode()


def printable(text: str, besides: str = "") -> str:
    """Return text in which whatever would act on a terminal is shown as its number.

    That is control characters (ESC and its C1 kin), those that turn the direction of writing, and
    bytes that are no text.

    Args:
        text: The text.
        besides: What may stay as it is, too.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in besides else _number(ord(each)) for each in text
    )


def _number(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - a byte that is no text (PEP 383)
        code -= 0xDC00
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - a byte


def log(text: str, priority: int = INFO) -> None:
    """Write what an administrator may want to know, though nobody has to act on it."""
    text = printable(text.rstrip()[-LONGEST:], "\n\t")
    if not (_fields and _send(text, priority)):
        sys.stderr.write(text + "\n")


def _send(text: str, priority: int) -> bool:
    """Send an entry by the journal's native protocol (systemd: JOURNAL_NATIVE_PROTOCOL)."""
    message = text.encode(errors="replace")
    size = len(message).to_bytes(8, "little")  # a field whose value may have line breaks
    entry = _fields + b"PRIORITY=%d\nMESSAGE\n%b%b\n" % (priority, size, message)
    import _socket

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        connection.sendto(entry, SOCKET)
    except OSError:
        return False
    finally:
        connection.close()
    return True
