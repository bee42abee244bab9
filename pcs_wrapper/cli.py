"""The program `takeover`: it calls the right command, and turns errors into exit codes."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from pcs_wrapper.commands.lazy import LazyGroup
from pcs_wrapper.commands.printing import print_text
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.commands.version import version_option
from pcs_wrapper.exit_codes import ExitCode
from pcs_wrapper.machine.terminal import printable

if TYPE_CHECKING:
    from cib_templates.errors import TakeoverError
    from pcs_wrapper.machine.machine import Machine


@click.command(
    cls=LazyGroup,
    lazy={
        "init": (
            "pcs_wrapper.commands.init.init:init",
            "Begin: write a description from what is found.",
        ),
        "check": (
            "pcs_wrapper.commands.description.check:check",
            "Find every mistake in a description.",
        ),
        "render": (
            "pcs_wrapper.commands.description.render:render",
            "Print the CIB that a description makes.",
        ),
        "schema": (
            "pcs_wrapper.commands.description.schema:schema",
            "Print a JSON Schema, for editors or programs.",
        ),
        "cluster": (
            "pcs_wrapper.commands.cluster.cluster:cluster",
            "Create, start, stop, restart or destroy the cluster.",
        ),
        "plan": (
            "pcs_wrapper.commands.change.plan:plan",
            "Show what apply would change, and what the cluster would then do.",
        ),
        "apply": (
            "pcs_wrapper.commands.change.apply:apply",
            "Change the cluster to match a description.",
        ),
        "confirm": (
            "pcs_wrapper.commands.change.confirm:confirm",
            "Keep a change that was made with `apply --confirm`.",
        ),
        "rollback": ("pcs_wrapper.commands.change.rollback:rollback", "Take changes back."),
        "history": (
            "pcs_wrapper.commands.change.history:history",
            "Show what was changed in the cluster, by whom and why.",
        ),
        "drift": (
            "pcs_wrapper.commands.change.drift:drift",
            "Show where the cluster differs from a description.",
        ),
        "import": (
            "pcs_wrapper.commands.description.import_:import_",
            "Print a description of an existing cluster.",
        ),
        "status": (
            "pcs_wrapper.commands.cluster.status:status",
            "Show what runs where, and why something does not run.",
        ),
        "service": (
            "pcs_wrapper.commands.service.service:service",
            "Move, stop, start or restart one service, or keep it on a node.",
        ),
        "node": (
            "pcs_wrapper.commands.node.node:node",
            "List the nodes; pause, resume, add or remove one.",
        ),
        "quorum": (
            "pcs_wrapper.commands.quorum.quorum:quorum",
            "Show who may decide, and what may be lost.",
        ),
        "witness": (
            "pcs_wrapper.commands.witness.witness:witness",
            "Let a host outside of the cluster vote, or not any more.",
        ),
        "fence": (
            "pcs_wrapper.commands.fence.fence:fence",
            "Show how nodes are fenced, test it, or confirm that a node is off.",
        ),
        "upgrade": (
            "pcs_wrapper.commands.node.upgrade:upgrade",
            "Upgrade this node's packages while its services run elsewhere.",
        ),
        "backup": (
            "pcs_wrapper.commands.backup.backup:backup",
            "Save everything that the cluster is made of.",
        ),
        "restore": (
            "pcs_wrapper.commands.backup.restore:restore",
            "Have the cluster of a backup again, also on new nodes.",
        ),
        "agents": (
            "pcs_wrapper.commands.agents.agents:agents",
            "Install Takeover's resource agents, or test any agent.",
        ),
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@version_option
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Make and change a failover cluster (Pacemaker and Corosync) from one description.

    The description is a TOML file. It says which nodes the cluster has, how each of them is fenced,
    and which services run. Run the commands on a node of the cluster; `check`, `render`, `schema`
    and `agents check` also work on any other machine.

    \b
    From a description to a running service:
      takeover check cluster.toml
      takeover cluster create cluster.toml
      takeover apply cluster.toml
      takeover status

    Exit codes: 0 the command did its work; 1 it failed, or something does not run that should; 2
    the command line or the description is wrong; 3 something differs (plan, drift); 4 no cluster
    runs on this machine; 130 the command was interrupted.
    """  # noqa: D301 - \b is click's
    if ctx.obj is None:
        from pcs_wrapper.commands.live_line import LiveLine
        from pcs_wrapper.machine.machine import Machine
        from pcs_wrapper.machine.runner import Runner

        console = LiveLine().console()
        ctx.obj = Machine(runner=Runner(console.warning), console=console)


class _Log(logging.Formatter):
    """Writes a record of the log as a terminal may have it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        return printable(super().format(record))


def main() -> NoReturn:
    """Run the command line of this process."""
    if completing.is_asked():
        # Between the words that somebody types there is no place for an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Where a locale has no arrow, for example, its number in Unicode is printed.
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("TAKEOVER_DEBUG"):
        log = logging.StreamHandler()
        log.setFormatter(_Log("%(asctime)s %(name)s: %(message)s"))
        logging.basicConfig(handlers=[log])
        logging.getLogger("takeover").setLevel(logging.DEBUG)
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # somebody was impatient, and has interrupted the last words, too
        code = ExitCode.INTERRUPTED
    if code == ExitCode.INTERRUPTED:
        # Python would wait for the threads of a program that still runs, until somebody interrupts
        # that, too, and then show a traceback.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str], machine: Machine | None = None) -> int:
    """Run a command and return its exit code.

    Errors are reported on standard error, or as JSON on standard output if the command has the
    option --json and it was given.

    Args:
        arguments: The command line, without the program's name.
        machine: The machine that the command works on; the real one if it is not given.
    """
    try:
        code = _run(list(arguments), machine)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, `| head` for example, has closed the pipe. That is no error to report, neither
        # now nor when Python flushes standard output at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    return code


def _run(arguments: list[str], machine: Machine | None) -> int:
    try:
        code = cli.main(arguments, prog_name="takeover", standalone_mode=False, obj=machine)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # nothing above turns it into a message
        return _report(error, as_json=_wants_json(arguments))
    return code if isinstance(code, int) else ExitCode.DONE


def _report(error: BaseException, *, as_json: bool) -> int:
    """Report what went wrong to the user, and return the exit code."""
    from pcs_wrapper.errors import Fault

    if isinstance(error, click.ClickException) and not as_json:
        usage = io.StringIO()
        error.show(usage)  # with the command's usage
        print_text(usage.getvalue(), err=True)
        return ExitCode.USAGE
    known = _known(error)
    if isinstance(known, Fault) and os.environ.get("TAKEOVER_DEBUG"):
        print_text("".join(traceback.format_exception(error)), err=True)
    if as_json:
        from pcs_wrapper.views.findings import error_json

        print_text(error_json(known))
    else:
        print_text(f"{known}", err=True)
    return known.exit_code


def _known(error: BaseException) -> TakeoverError:
    """Return an error as a TakeoverError, which has a code, a hint and an exit code."""
    from cib_templates.errors import TakeoverError
    from pcs_wrapper.errors import Fault, Interrupted, UsageError

    match error:
        case TakeoverError():
            return error
        case click.Abort() | KeyboardInterrupt():
            return Interrupted()
        case click.ClickException():
            return UsageError(error.format_message())
        case _:
            return Fault(error, shown=bool(os.environ.get("TAKEOVER_DEBUG")))


def _wants_json(arguments: Sequence[str]) -> bool:
    """Return whether a command line asks for JSON, even if it is wrong otherwise."""
    words = iter(arguments)
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), next(words, ""))
    options = {name: each for each in (command.params if command else ()) for name in each.opts}
    for word in words:
        option = options.get(word)
        if word == "--" or (option is not None and option.name == "as_json"):
            return word != "--"
        if isinstance(option, click.Option) and not option.is_flag:
            next(words, "")  # skip the option's value, even if it looks like an option
    return False
