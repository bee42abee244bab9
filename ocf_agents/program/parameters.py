"""The parameters of ocf:takeover:app. Those that ocf:heartbeat:anything has, too, are its own."""

from __future__ import annotations

from ocf_agents.runtime.agent import AgentError
from ocf_agents.runtime.parameters import Choice, Integer, Text
from ocf_agents.runtime.watched import Watched

SIGNALS = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL")  # of `stop_signal`
RELOAD_SIGNALS = ("HUP", "USR1", "USR2", "INT", "QUIT")
NOTIFY = "notify"  # the value of `ready` for an application that tells by itself
HIGHEST_UMASK = 0o777
CHECKS = (
    "tcp:HOST:PORT passes when the port accepts a connection. "
    "http://HOST:PORT/PATH passes when the answer to a GET has a status from 200 to 299. Options "
    "may follow, separated by blanks: status=200,301-302 for other ones, text=WORDS for what the "
    "answer has to contain, degraded=429 and degraded_text=WORDS for what says that the "
    "application works, but less well. Quote words with blanks. With https:// the certificate is "
    "not verified. command:/PROGRAM ARGUMENTS is run as the same user, without a shell, and passes "
    "with exit code 0; 190 says degraded. What it leaves in the background is ended. IPv6 "
    "addresses are in brackets."
)


class AppParameters(Watched):
    """The parameters of an application."""

    binfile = Text(
        "Program", "Absolute path of the program. It must stay in the foreground.", required=True
    )
    cmdline_options = Text(
        "Arguments",
        "Arguments of the program, separated by blanks. Quotes and backslashes work as in a shell, "
        "variables and wildcards do not: there is no shell.",
    )
    user = Text("User", "The user to run as, with all groups of that user; root if absent.")
    workdir = Text(
        "Working folder",
        "The folder to run in, which the user has to be allowed to enter. The user's own if "
        "absent, or / if that does not exist.",
    )
    environment_file = Text(
        "Environment file",
        "A file with variables for the program's environment, in the format of systemd's "
        "EnvironmentFile, of at most 256 KiB. Either the user may read it; or it is a file of "
        "root's or the user's in folders that only root can change, and may be unreadable to "
        "everybody else: the place for passwords. An application of root's needs a file of root's "
        "in such folders. With a - before the path it may be missing.",
    )
    limits = Text(
        "Limits",
        "Resource limits, such as: nofile=65536 nproc=4096:8192 core=unlimited. A number is the "
        "soft and the hard limit, two are one each, in the units of setrlimit(2): bytes, seconds.",
    )
    umask = Text("Umask", "Permissions that new files do not get, in octal.", default="022")
    logfile = Text(
        "File for the output",
        "Standard output is appended to this file instead of going to the journal. It is opened "
        "with the permissions of the user; or by root, in folders that only root can change.",
    )
    errlogfile = Text(
        "File for error output",
        "As logfile, for standard error; that goes where the output goes if absent.",
    )
    pidfile = Text(
        "Process number for others",
        "A file to write the number of the first process to, for other programs. The agent does "
        "not read it. Its folder is made if that alone is missing.",
    )
    ready = Text(
        "Ready check",
        "The start is done when this passes. It fails if somebody else has the port already. "
        + CHECKS
        + " notify is for applications that say "
        "by themselves when they are ready (sd_notify, as systemd's services of type notify). If "
        "absent, monitor_hook; without that one, when the program has lived for a moment.",
        reloadable=True,
    )
    ready_timeout = Integer(
        "Time to become ready",
        "Seconds. If absent, as long as the time for the start allows.",
        minimum=1,
        reloadable=True,
    )
    health = Text(
        "Health check",
        "Checked by monitors with OCF_CHECK_LEVEL=10. All forms of ready but notify.",
        reloadable=True,
    )
    health_timeout = Integer(
        "Time for a health check",
        "Seconds that health and monitor_hook may take. If absent, as long as the monitor's.",
        minimum=1,
        reloadable=True,
    )
    monitor_hook = Text(
        "Command of every monitor",
        "A program with arguments, run by root without a shell at every monitor, whatever its "
        "level; the monitor fails if it does not exit with 0. 190 says degraded.",
        reloadable=True,
    )
    stop_signal = Choice(
        "Signal to stop",
        "The signal that asks the program to end, for example INT for a fast shutdown of "
        "PostgreSQL.",
        options=SIGNALS,
        default="TERM",
        reloadable=True,
    )
    stop_timeout = Integer(
        "Time to stop",
        "Seconds after the stop signal before all its processes are killed. Two thirds of the "
        "stop action's time if absent.",
        reloadable=True,
    )
    reload_signal = Choice(
        "Signal to reload",
        "The signal on which the program reads its configuration again. It is sent when a "
        "parameter changes that takes effect without a restart.",
        options=RELOAD_SIGNALS,
        default="",
        reloadable=True,
    )
    revision = Text(
        "Revision of the configuration",
        "Any text. A change of it is a reason to send reload_signal.",
        reloadable=True,
    )

    def problems(self) -> list[str]:
        """Return what is wrong with the parameters together."""
        from ocf_agents.program import limits
        from ocf_agents.program.checks.words import split, split_hook

        paths = {
            "binfile": self.binfile,
            "workdir": self.workdir,
            "environment_file": self.environment_file.removeprefix("-"),
            "logfile": self.logfile,
            "errlogfile": self.errlogfile,
            "pidfile": self.pidfile,
        }
        found = [
            f"{name}={path} is not an absolute path"
            for name, path in paths.items()
            if path and not path.startswith("/")
        ]
        if file_mode(self.umask) is None:
            found.append(f"umask={self.umask} is not an octal number up to 777")
        if self.revision and not self.reload_signal:
            found.append("revision needs reload_signal")
        readings = (
            lambda: split("cmdline_options", self.cmdline_options),
            lambda: split_hook("monitor_hook", self.monitor_hook),
            lambda: limits.parse("limits", self.limits),
        )
        for read in readings:
            try:
                read()
            except AgentError as error:
                found.append(str(error))
        checks = {"ready": self.ready, "health": self.health}
        found += filter(None, (check_problem(name, value) for name, value in checks.items()))
        return found


def check_problem(name: str, value: str) -> str | None:
    """Return what is wrong with a value of a parameter that takes a check; None if nothing is.

    Args:
        name: The parameter, "ready" or "health"; the former takes "notify", too.
        value: Its value, "" if it is absent.
    """
    from ocf_agents.program.checks.command import not_to_run
    from ocf_agents.program.checks.grammar import parse_check

    if not value or (name == "ready" and value == NOTIFY):
        return None
    try:
        parse_check(name, value, not_to_run)
    except AgentError as error:
        return str(error)
    return None


def file_mode(text: str) -> int | None:
    """Return the number that is written in octal, None if it is none or too large."""
    if not text.isascii() or not text.isdigit() or set(text) & {"8", "9"}:
        return None
    return mode if (mode := int(text, 8)) <= HIGHEST_UMASK else None
