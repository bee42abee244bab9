"""The command `takeover`: finds the command that is called, and turns errors into exit codes."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from pcs_wrapper.commands.lazy import LazyGroup
from pcs_wrapper.commands.version import version_option
from pcs_wrapper.exit_codes import ExitCode

if TYPE_CHECKING:
    from pcs_wrapper.machine.machine import Machine


@click.command(
    cls=LazyGroup,
    lazy={
        "check": (
            "pcs_wrapper.commands.description.check:check",
            "Find every mistake in a description.",
        ),
        "render": (
            "pcs_wrapper.commands.description.render:render",
            "Show a description as a CIB.",
        ),
        "schema": (
            "pcs_wrapper.commands.description.schema:schema",
            "Print JSON Schemas, for editors and programs.",
        ),
        "cluster": ("pcs_wrapper.commands.cluster.create:cluster", "Create the cluster."),
        "plan": (
            "pcs_wrapper.commands.change.plan:plan",
            "Show what an apply would change, and do.",
        ),
        "apply": ("pcs_wrapper.commands.change.apply:apply", "Make the cluster what is described."),
        "confirm": (
            "pcs_wrapper.commands.change.confirm:confirm",
            "Keep a change that waits for it.",
        ),
        "rollback": ("pcs_wrapper.commands.change.rollback:rollback", "Take changes back."),
        "history": (
            "pcs_wrapper.commands.change.history:history",
            "Show what was changed, by whom.",
        ),
        "drift": ("pcs_wrapper.commands.change.drift:drift", "Show what others have changed."),
        "import": (
            "pcs_wrapper.commands.description.import_:import_",
            "Describe a cluster that is there.",
        ),
        "status": (
            "pcs_wrapper.commands.cluster.status:status",
            "Show what runs where, or why not.",
        ),
        "agents": (
            "pcs_wrapper.commands.agents.agents:agents",
            "Install resource agents, or test one.",
        ),
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@version_option
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Failover clusters from one description: Pacemaker and Corosync, driven through pcs."""
    if ctx.obj is None:
        from pcs_wrapper.machine.console import Console
        from pcs_wrapper.machine.machine import Machine

        ctx.obj = Machine(
            console=Console(
                step=lambda text: click.echo(f"{text} …", err=True),
                detail=lambda text: click.echo(text, err=True),
                warning=lambda text: click.echo(f"warning: {text}", err=True),
            )
        )


def main() -> NoReturn:
    """Run the command line of this process."""
    if os.environ.get("TAKEOVER_DEBUG"):
        logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
        logging.getLogger("takeover").setLevel(logging.DEBUG)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str], machine: Machine | None = None) -> int:
    """Run a command and return its exit code; whatever goes wrong is told on standard error.

    Args:
        arguments: The command line, without the program's name.
        machine: This machine; this one if it is not given.
    """
    try:
        code = cli.main(list(arguments), prog_name="takeover", standalone_mode=False, obj=machine)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except BrokenPipeError:
        # The reader has gone, `| head` for example: not worth a word, now or at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except Exception as error:  # the last one that can turn it into a message
        return _report(error)
    return code if isinstance(code, int) else ExitCode.DONE


def _report(error: Exception) -> int:
    from cib_templates.errors import DescriptionError, TakeoverError
    from pcs_wrapper.errors import ClusterUnreachable, UsageError

    if isinstance(error, TakeoverError):
        click.echo(f"{error}", err=True)
        if isinstance(error, DescriptionError | UsageError):
            return ExitCode.USAGE
        return ExitCode.UNREACHABLE if isinstance(error, ClusterUnreachable) else ExitCode.FAILED
    if os.environ.get("TAKEOVER_DEBUG"):
        traceback.print_exception(error)
        details = "the details are above"
    else:
        details = "run it again with TAKEOVER_DEBUG=1 in the environment to see the details"
    click.echo(f"this is a fault in Takeover: {type(error).__name__}: {error}; {details}", err=True)
    return ExitCode.FAILED
