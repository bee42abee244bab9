"""The systemd timer that rolls a change back unless somebody confirms it.

The timer is started before the push. It runs `takeover rollback` independently of the terminal, the
login and the command that the change came from. It exists only in systemd's memory on that node:
if the node itself fails, the timer is lost. The change then remains in the cluster as
`unconfirmed`, and commands on every node warn of it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pcs_wrapper.change.history import shared
from pcs_wrapper.change.history.checkpoints import (
    Checkpoint,
    Checkpoints,
    describe,
    told_if_not_written,
)
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib

_TIMEOUT = 30.0
# A timer that finds nothing to roll back, on a node that is busy, has decided by then; in seconds.
_PATIENCE = 30.0


def _unit(number: int) -> str:
    return f"takeover-unconfirmed-{number}"


def timer_command(machine: Machine, number: int, after: timedelta) -> tuple[str, ...]:
    """Return the command that starts the timer.

    Args:
        machine: This machine.
        number: The checkpoint's number.
        after: The time within which the change can be confirmed.
    """
    return (
        *("systemd-run", f"--on-active={int(after.total_seconds())}s"),
        *("--timer-property=AccuracySec=1s", f"--unit={_unit(number)}", "--collect"),
        *(str(machine.program), "rollback", "--unless-confirmed", str(number)),
    )


def start_timer(machine: Machine, number: int, after: timedelta) -> None:
    """Start the timer that rolls a change back.

    Raises:
        ProgramError: systemd-run is missing or fails.
    """
    machine.runner.run(
        *timer_command(machine, number, after),
        timeout=_TIMEOUT,
        hint="Nothing was changed, because without the timer nothing would roll the change back",
    )


def stop_command(number: int) -> tuple[str, ...]:
    """Return the command that stops the timer of a checkpoint."""
    return ("systemctl", "stop", f"{_unit(number)}.timer")


def stop_timer(machine: Machine, number: int) -> None:
    """Stop the timer of a checkpoint; it may have run already, or been lost in a reboot.

    Raises:
        ProgramError: systemctl is missing or hangs.
    """
    machine.runner.run(*stop_command(number), timeout=_TIMEOUT, ok=range(-64, 256))


def check_none_waits(
    machine: Machine,
    checkpoints: Checkpoints,
    *,
    over_others: bool,
    option: str = "--over-others",
) -> None:
    """Check that no earlier change waits to be confirmed: it may be taken back at any moment.

    Args:
        machine: This machine.
        checkpoints: The changes of the cluster.
        over_others: Whether a change may be made all the same; the earlier one is then not rolled
            back by its timer, which never takes back a later change.
        option: The command's option for that.

    Raises:
        ClusterError: An earlier change waits to be confirmed.
    """
    for waiting in checkpoints.all():
        if waiting.state != "unconfirmed":
            continue
        number = waiting.number
        if over_others:
            machine.console.warning(
                f"{describe(waiting)} waits to be confirmed. After this change its timer does not "
                f"roll it back any more. To keep it: takeover confirm {number}"
            )
            continue
        by = f" of {waiting.user} on {waiting.node}" if waiting.node else ""
        if waiting.is_late(machine.now()):
            why = f"was not confirmed by {waiting.confirm_by}, and is still in the cluster"
        else:
            why = f"waits to be confirmed, until {waiting.confirm_by}; otherwise it is rolled back"
        raise ClusterError(
            f"checkpoint {number}{by} {why}. Nothing was changed. First keep it (takeover confirm "
            f"{number}), or take it back (takeover rollback {number}); or make this change all the "
            f"same: {option}"
        )


def confirm(machine: Machine, number: int | None) -> Checkpoint:
    """Keep a change that would otherwise be rolled back, whichever node it was made from.

    Args:
        machine: This machine.
        number: The number of its checkpoint; None for the newest one that waits to be confirmed.

    Returns:
        The checkpoint, which is now confirmed.

    Raises:
        NotRoot: The user is not root.
        Busy: Another command holds the lock for long, such as the change's own, or its rollback.
        ClusterError: No change waits to be confirmed, or not this one.
        ProgramError: The cluster cannot be told.
    """
    machine.require_root()
    with lock.held(machine, "takeover confirm", patience=_PATIENCE):
        checkpoints = Checkpoints.of(machine, cib.read_cib(machine))
        waiting = [each for each in checkpoints.all() if each.state == "unconfirmed"]
        if number is not None:
            chosen = checkpoints.get(number)
            if chosen.state != "unconfirmed":
                raise ClusterError(
                    f"checkpoint {number} is {chosen.state}: there is nothing to confirm"
                )
            waiting = [chosen]
        if not waiting:
            raise ClusterError(
                "no change waits to be confirmed; `takeover history` shows all changes"
            )
        # The timer of another node reads this before it rolls back.
        cib.push_record(machine, shared.confirmed(waiting[0].number))
        with told_if_not_written(machine):
            checkpoints.keep(waiting[0], state="confirmed", confirm_by=None)
        if waiting[0].node in ("", machine.host):
            stop_timer(machine, waiting[0].number)
    return replace(waiting[0], state="confirmed", confirm_by=None)
