"""`takeover status`: show what runs where, and why something does not run."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine

# What programs that monitor take for "unknown" (Monitoring Plugins Development Guidelines).
_UNKNOWN = 3


@click.command()
@as_json
@click.option(
    "--check",
    "check",
    is_flag=True,
    help="Print one line, and end as a program for monitoring (Nagios, Icinga) does.",
)
@click.pass_context
def status(ctx: click.Context, *, as_json: bool, check: bool) -> None:
    """Show quorum, nodes, services, fencing devices and failures, and first what is not well.

    For each service that does not run, the reason is shown. You need not be root, but then you must
    be a member of the group haclient, and the links between the nodes are not known: only root can
    ask Corosync. Each node sees only its own links.

    \b
    With --check, a single line is printed, or JSON with --json, and the exit code says:
      0  OK        all services and fencing devices run, and no redundancy is lost
      1  WARNING   something is not as it should be, such as a dead link or a disabled service
      2  CRITICAL  a service does not run, or the next failure would not be survived
      3  UNKNOWN   no cluster runs on this machine, or it cannot be asked

    Exit codes without --check: 0 the state was shown; 1 the command failed; 4 no cluster runs on
    this machine.
    """  # noqa: D301 - \b is click's
    from cib_templates.errors import TakeoverError
    from pcs_wrapper.change.history.checkpoints import cluster_id
    from pcs_wrapper.change.history.upgrade import warn_of_interrupted_upgrade
    from pcs_wrapper.change.looking.condition import look
    from pcs_wrapper.health.explanation import read_explained_state
    from pcs_wrapper.views.findings import error_json
    from pcs_wrapper.views.state import check_text, severity_of, state_json, state_text

    machine: Machine = ctx.obj
    try:
        state = read_explained_state(machine)
        condition = look(machine, state)
    except TakeoverError as error:
        if not check:
            # The cluster may be stopped here because of it.
            warn_of_interrupted_upgrade(machine, cluster_id(machine.corosync_conf))
            raise
        if as_json:
            print_text(error_json(error))
        else:
            print_line(f"UNKNOWN - {error}")
        ctx.exit(_UNKNOWN)
    if as_json:
        print_text(state_json(state, condition))
    elif check:
        print_line(check_text(condition.findings))
    else:
        print_lines(state_text(state, condition))
    if check:
        ctx.exit(severity_of(condition.findings))
