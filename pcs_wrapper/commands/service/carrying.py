"""What the commands about one service have in common: their options, and how they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

import click

from pcs_wrapper.commands.options import as_json, dry_run, even_so
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from pcs_wrapper.change.services.prepared import Prepared
    from pcs_wrapper.change.services.subject import Seen

_Command = TypeVar("_Command", bound=Callable[..., Any])

name = click.argument("service", metavar="SERVICE", shell_complete=completing.services)
parts = click.option(
    "--part",
    "parts",
    metavar="PART",
    multiple=True,
    shell_complete=completing.parts,
    help="Only this part of it: app, filesystem, address, or the ID that `takeover status` shows. "
    "It can be given several times.",
)
_yes = click.option(
    "-y", "--yes", is_flag=True, help="Do it although other services are stopped or moved for it."
)
_message = click.option("-m", "--message", default="", help="The reason, for the history.")


class Common(TypedDict):
    """The values of the options that all commands about one service have."""

    as_json: bool
    dry_run: bool
    even_so: bool
    yes: bool
    message: str


def common(command: _Command) -> _Command:
    """Give a command the options that all commands about one service have."""
    for option in (_message, _yes, even_so, dry_run, as_json):
        command = option(command)
    return command


def carry(
    ctx: click.Context,
    command: str,
    prepare: Callable[[Seen], Prepared],
    **given: Unpack[Common],
) -> None:
    """Say what a command is going to do, do it, and say what became of it.

    Args:
        ctx: The context of the command.
        command: The command, such as `service move`.
        prepare: A function that finds out what is to be done.
        given: The values of the options.
    """
    from pcs_wrapper.change.services import carrying_out
    from pcs_wrapper.change.services.passing import look
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.services import done_json, done_text, prepared_text

    machine: Machine = ctx.obj
    machine.require_root()
    if given["dry_run"]:
        _show(machine, prepare(look(machine, only=True)), as_json=given["as_json"])
        return
    with lock.held(machine, f"takeover {command}"):
        prepared = prepare(look(machine, only=False))
        print_lines(prepared_text(prepared), err=True)
        done = carrying_out.carry_out(
            machine,
            prepared,
            given["message"],
            even_so=given["even_so"],
            agreed=given["yes"],
        )
    if given["as_json"]:
        print_text(done_json(done))
    else:
        print_lines(done_text(done))
    if done.harm:
        ctx.exit(1)


def _show(machine: Machine, prepared: Prepared, *, as_json: bool) -> None:
    """Print what a command would do, and its steps."""
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.change.judging import readiness
    from pcs_wrapper.change.services import carrying_out
    from pcs_wrapper.views.change.changes import difference_text
    from pcs_wrapper.views.services import prepared_text, service_dry_run_json

    steps = carrying_out.steps(machine, prepared)
    readiness.warn(machine, prepared.readiness)
    if as_json:
        print_text(service_dry_run_json(prepared, steps))
        return
    nothing = [f"{prepared.nothing}: there is nothing to do"] if prepared.nothing else []
    difference = difference_text(prepared.live, prepared.first)
    print_lines((*nothing, *prepared_text(prepared), *difference, *shown(steps)))
