"""The one place where programs are run: argument lists only, never a shell."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass

from pcs_wrapper.errors import CommandFailed, CommandTimedOut, ProgramMissing

_LOG = logging.getLogger("takeover.runner")

# The system's own programs, whatever the user's PATH is.
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# Debian's package for each program that Takeover runs.
_PACKAGES = {
    "pcs": "pcs",
    "cibadmin": "pacemaker-cli-utils",
    "crm_diff": "pacemaker-cli-utils",
    "attrd_updater": "pacemaker-cli-utils",
    "crm_mon": "pacemaker-cli-utils",
    "crm_resource": "pacemaker-cli-utils",
    "crm_simulate": "pacemaker-cli-utils",
    "env": "coreutils",
}


@dataclass(frozen=True)
class Result:
    """What a program that has ended said.

    Attributes:
        exit_code: Its exit code; negative for a signal.
        stdout: Its standard output.
        stderr: Its standard error.
    """

    exit_code: int
    stdout: str
    stderr: str


class Runner:
    """Runs programs with a minimal environment, a time limit and a debug log."""

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
            command: Program and arguments; they are logged, so no secret may be among them.
            timeout: The time that it may take, in seconds.
            stdin: What it reads; not logged, so a secret may be in it.
            ok: Exit codes that are not failures.
            hint: What the user can do if it fails.

        Raises:
            ProgramMissing: The program is not installed.
            CommandFailed: Its exit code is not in `ok`.
            CommandTimedOut: It took too long.
        """
        self.require(command[0])
        _LOG.debug("running: %s", shlex.join(command))
        started = time.monotonic()
        try:
            result = self.execute(command, stdin=stdin, timeout=timeout)
        except TimeoutError:
            _LOG.debug("stopped after %g s: %s", timeout, shlex.join(command))
            raise CommandTimedOut(command, timeout, hint) from None
        _LOG.debug(
            "ended with %d after %.2f s\nstdout: %s\nstderr: %s",
            *(result.exit_code, time.monotonic() - started),
            *(result.stdout, result.stderr),
        )
        if result.exit_code not in ok:
            raise CommandFailed(command, result.exit_code, result.stderr + result.stdout, hint)
        return result

    def execute(self, command: tuple[str, ...], *, stdin: str, timeout: float) -> Result:
        """Run a program that is installed: the boundary to the operating system.

        Args:
            command: Program and arguments.
            stdin: What it reads.
            timeout: The time that it may take, in seconds.

        Raises:
            TimeoutError: It took too long.
        """
        import sh  # 0.2 s that only the commands that run a program shall take

        # Its own debug log would show what a program reads: a password.
        logging.getLogger("sh").setLevel(logging.WARNING)
        program, *arguments = command
        try:
            ended: sh.RunningCommand | sh.ErrorReturnCode = sh.Command(
                program, search_paths=list(_PATH)
            )(
                *arguments,
                _in=stdin,
                _env={
                    "PATH": ":".join(_PATH),
                    "LC_ALL": "C",
                    "HOME": os.environ.get("HOME", "/root"),
                },
                _timeout=timeout,
                _tty_out=False,
                _return_cmd=True,
            )
        except sh.TimeoutException:
            raise TimeoutError from None
        except sh.ErrorReturnCode as error:
            ended = error
        return Result(
            exit_code=ended.exit_code,
            stdout=ended.stdout.decode(errors="replace"),
            stderr=ended.stderr.decode(errors="replace"),
        )
