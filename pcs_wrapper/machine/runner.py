"""The only place where programs are run: with lists of arguments, never in a shell."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from cib_templates.cib.secrecy.masking import masked
from pcs_wrapper.errors import CommandFailed, CommandTimedOut, ProgramMissing

if TYPE_CHECKING:
    import sh

_LOG = logging.getLogger("takeover.runner")

# The folders of the system's own programs: the user's PATH is ignored.
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# What a program may print, in bytes: a CIB of 1,000 services has a fifth of it.
_MOST = 64 * 2**20
_CHUNK = 64 * 1024
_TICK = 0.05
# The time that a program has to end after SIGTERM, in seconds.
_MERCY = 1.0
# The Debian package of each program that Takeover runs.
_PACKAGES = {
    "pcs": "pcs",
    "cibadmin": "pacemaker-cli-utils",
    "crm_diff": "pacemaker-cli-utils",
    "attrd_updater": "pacemaker-cli-utils",
    "crm_attribute": "pacemaker-cli-utils",
    "crm_mon": "pacemaker-cli-utils",
    "crm_resource": "pacemaker-cli-utils",
    "crm_simulate": "pacemaker-cli-utils",
    "stonith_admin": "pacemaker-cli-utils",
    "ping": "iputils-ping",
    "env": "coreutils",
    "apt-get": "apt",
    "dpkg-query": "dpkg",
    "blkid": "util-linux",
    "lsblk": "util-linux",
    "mount": "mount",
    "umount": "mount",
    "runuser": "util-linux",
    "wipefs": "util-linux",
    "cmp": "diffutils",
    "dd": "coreutils",
    "mkfs.btrfs": "btrfs-progs",
    "mkfs.ext2": "e2fsprogs",
    "mkfs.ext3": "e2fsprogs",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "iscsiadm": "open-iscsi",
    "systemctl": "systemd",
    "journalctl": "systemd",
    "getent": "libc-bin",
    "corosync-cfgtool": "corosync",
    "corosync-cmapctl": "corosync",
    "corosync-quorumtool": "corosync",
}


@dataclass(frozen=True)
class Result:
    """The result of a program that has ended.

    Attributes:
        exit_code: The exit code; negative if a signal ended the program.
        stdout: The standard output.
        stderr: The standard error.
    """

    exit_code: int
    stdout: str
    stderr: str


def _log(message: str, *arguments: object) -> None:
    """Write into the debug log, without the secrets that a CIB may have."""
    if _LOG.isEnabledFor(logging.DEBUG):
        _LOG.debug("%s", masked(message % arguments))


def _let_end(running: sh.RunningCommand) -> None:
    """Let a program end after an interruption, as half of its work may be worse than all of it.

    A second interruption ends it at once.
    """
    import sh

    try:
        with contextlib.suppress(sh.ErrorReturnCode):
            running.wait()
    except KeyboardInterrupt:
        _end(running, signal.SIGTERM, signal.SIGKILL)


def _end(running: sh.RunningCommand, *signals: signal.Signals) -> None:
    """End a program that nobody waits for any more, with those that it has started."""
    for signal_ in signals:
        with contextlib.suppress(OSError):
            running.process.signal_group(signal_)
        end = time.monotonic() + _MERCY
        while running.is_alive() and time.monotonic() < end:
            time.sleep(_TICK)


class _Limit:
    """The time that a program has; when the `with` block is left, it is not counted any more.

    With a limit that is told to the library, every program takes 0.1 s at least: it looks whether
    the time is over in steps of that.

    Args:
        running: The program.
        seconds: The time.

    Attributes:
        is_over: Whether the program was ended because its time was over.
    """

    def __init__(self, running: sh.RunningCommand, seconds: float) -> None:
        self.is_over = False
        self._running = running
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _pass(self) -> None:
        self.is_over = True
        _end(self._running, signal.SIGKILL)


class _Output:
    """What a program prints, up to a limit at which the program is stopped.

    Attributes:
        is_full: Whether it printed more.
    """

    def __init__(self) -> None:
        self.is_full = False
        self._printed = bytearray()

    def take(self, chunk: str, _stdin: object, process: sh.OProc) -> bool:
        """Keep what was printed, and return whether that is enough."""
        self._printed += chunk.encode("latin-1")
        self.is_full = len(self._printed) > _MOST
        if self.is_full:
            process.kill()
        return self.is_full

    def text(self) -> str:
        """Return what was printed."""
        return self._printed.decode(errors="replace")


class Runner:
    """Runs programs with a minimal environment, a time limit and a debug log.

    Args:
        warn: The function that tells a user who has interrupted a program that it is let end.
    """

    def __init__(self, warn: Callable[[str], None] = _log) -> None:
        self._warn = warn

    def find(self, program: str) -> str | None:
        """Return the path of a system program, or None if it is not installed."""
        return shutil.which(program, path=":".join(_PATH))

    def require(self, *programs: str) -> None:
        """Check that programs are installed.

        Raises:
            ProgramMissing: Some are not.
        """
        missing = [program for program in programs if self.find(program) is None]
        if missing:
            packages = dict.fromkeys(_PACKAGES.get(program, program) for program in missing)
            raise ProgramMissing(missing, list(packages))

    def run(
        self,
        *command: str,
        timeout: float,
        stdin: str = "",
        ok: Collection[int] = (0,),
        hint: str = "",
    ) -> Result:
        """Run a program and wait for its end.

        Args:
            command: The program and its arguments. They are logged, so they must contain no secret.
            timeout: The time limit, in seconds.
            stdin: The standard input. It is not logged, so it may contain a secret.
            ok: The exit codes that are not failures.
            hint: The advice for the user if the program fails; may be empty.

        Raises:
            ProgramMissing: The program is not installed.
            CommandFailed: Its exit code is not in `ok`, or it prints without an end.
            CommandTimedOut: It did not end within the time limit.
        """
        self.require(command[0])
        _log("running: %s", shlex.join(command))
        started = time.monotonic()
        try:
            result = self.execute(command, stdin=stdin, timeout=timeout)
        except TimeoutError:
            _log("stopped after %g s: %s", timeout, shlex.join(command))
            raise CommandTimedOut(command, timeout, hint) from None
        _log(
            "ended with %d after %.2f s\nstdout: %s\nstderr: %s",
            *(result.exit_code, time.monotonic() - started),
            *(result.stdout, result.stderr),
        )
        if result.exit_code not in ok:
            said = masked(result.stderr + result.stdout)
            raise CommandFailed(command, result.exit_code, said, hint)
        return result

    def execute(self, command: tuple[str, ...], *, stdin: str, timeout: float) -> Result:
        """Run an installed program; tests replace this method.

        Args:
            command: The program and its arguments.
            stdin: The standard input.
            timeout: The time limit, in seconds.

        Raises:
            CommandFailed: The program prints without an end.
            TimeoutError: The program did not end within the time limit.
        """
        import sh  # it takes 0.2 s, which commands that run no program should not spend

        # The debug log of `sh` would show the standard input, which may be a password.
        logging.getLogger("sh").setLevel(logging.WARNING)
        program, *arguments = command
        stdout, stderr = _Output(), _Output()
        try:
            running: sh.RunningCommand = sh.Command(program, search_paths=list(_PATH))(
                *(os.fsencode(each).decode("latin-1") for each in arguments),
                _in=stdin.encode(),
                # Every byte is a letter of it: programs need not print UTF-8.
                _encoding="latin-1",
                _out=stdout.take,
                _err=stderr.take,
                _out_bufsize=_CHUNK,
                _err_bufsize=_CHUNK,
                _env={
                    "PATH": ":".join(_PATH),
                    "LC_ALL": "C",
                    "HOME": os.environ.get("HOME", "/root"),
                },
                _tty_out=False,
                _return_cmd=True,
                # Ctrl-C on the terminal is not for it: see _let_end. A limit: see _Limit.
                _new_session=True,
                _bg=True,
                _bg_exc=False,
            )
            ended: sh.RunningCommand | sh.ErrorReturnCode = running
            with _Limit(running, timeout) as limit:
                try:
                    running.wait()
                except KeyboardInterrupt:
                    self._warn(f"`{program}` is let end first; Ctrl-C again ends it at once")
                    _let_end(running)
                    raise
        except sh.ErrorReturnCode as error:
            ended = error
        if limit.is_over:
            raise TimeoutError
        if stdout.is_full or stderr.is_full:
            said = f"it printed more than {_MOST // 2**20} MiB, and was stopped"
            raise CommandFailed(command, ended.exit_code, said, "")
        return Result(ended.exit_code, stdout.text(), stderr.text())
