"""`takeover witness add`: let a host outside of the cluster vote."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.witness.carrying import carry, password_option
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("host")
@click.option(
    "--algorithm",
    type=click.Choice(["ffsplit", "lms"]),
    help="ffsplit, the default: of two halves one goes on. lms: the last node goes on.",
)
@click.option(
    "--timeout",
    metavar="TIME",
    help="In which the nodes and the witness hear of each other, such as 10s.",
)
@click.option(
    "--sync-timeout",
    metavar="TIME",
    help="For which nodes wait for its vote when a node is lost, such as 30s: by that a takeover "
    "takes longer if the witness is gone, too.",
)
@password_option
@dry_run
@as_json
@click.pass_obj
def add(
    machine: Machine,
    *,
    host: str,
    algorithm: str | None,
    timeout: str | None,
    sync_timeout: str | None,
    password_file: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Let HOST, on which corosync-qnetd runs, vote beside the nodes.

    No service is interrupted. HOST is no node of the cluster; it has the packages corosync-qnetd
    and pcs, and the nodes have corosync-qdevice. It is said what may be lost now and afterwards. A
    host that does not vote after a minute is an error, with what to look at. A HOST that is the
    witness already and does not vote, because its certificates were made anew or have expired, is
    added anew, with the options that it has. Of one that votes, the options that are given are
    changed, and the others stay.

    \b
    Examples:
      takeover witness add --dry-run witness
      takeover witness add witness --timeout 3s --sync-timeout 10s
      takeover witness add witness --sync-timeout 20s        # and later another time

    Exit codes: 0 HOST votes; 1 the command failed or was refused; 2 the command line is wrong; 4 no
    cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pydantic import ValidationError

    from cib_templates.model.cluster import QuorumDevice
    from pcs_wrapper.cluster import witness
    from pcs_wrapper.errors import UsageError

    given = {"host": host, "algorithm": algorithm, "timeout": timeout, "sync_timeout": sync_timeout}
    try:
        device = QuorumDevice.model_validate(
            {name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        wrong = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        raise UsageError(wrong) from None
    carry(
        machine,
        witness.prepare_add(machine, device),
        password_file,
        dry_run=dry_run,
        as_json=as_json,
    )
