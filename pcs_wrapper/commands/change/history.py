"""`takeover history`: show what was changed, when, by whom and why."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@as_json
@click.pass_obj
def history(machine: Machine, *, as_json: bool) -> None:
    """Show what was changed in the cluster, the newest first, the same on every node.

    Every change that apply or rollback pushes, from whichever node, has a checkpoint. It shows
    when, by whom and from where the change was pushed, why, whether it is in the cluster, and what
    was changed. `takeover rollback NUMBER` takes a change back. What was changed without Takeover
    in between, such as with pcs, is shown, too.

    \b
    States of a change:
      pushing      not known yet; if the command was interrupted, the next one finds out
      applied      in the cluster
      unconfirmed  in the cluster; it is rolled back unless it is confirmed
      confirmed    in the cluster; it was confirmed
      rolled back  was in the cluster, and was taken back
      failed       never reached the cluster
      unknown      decided on another node while this one was away, long ago
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.history.timeline import read_timeline
    from pcs_wrapper.views.change.history import history_json, history_text

    found = read_timeline(machine)
    if as_json:
        print_text(history_json(found))
        return
    print_lines(history_text(found))
