"""`takeover status`: show what runs where, and why something does not run."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@as_json
@click.pass_obj
def status(machine: Machine, *, as_json: bool) -> None:
    """Show quorum, nodes, services, fencing devices and failures.

    For each service that does not run, the reason is shown. You need not be root, but then you must
    be a member of the group haclient. The exit code does not depend on whether services run: a
    program reads that from `takeover status --json`.

    Exit codes: 0 the state was shown; 1 the command failed; 4 no cluster runs on this machine.
    """
    from pcs_wrapper.change.history import interruption
    from pcs_wrapper.health.explanation import read_explained_state
    from pcs_wrapper.views.state import state_json, state_text

    state = read_explained_state(machine)
    interruption.warn_of_unfinished(machine)
    if as_json:
        print_text(state_json(state))
        return
    print_lines(state_text(state))
