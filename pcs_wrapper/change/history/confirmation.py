"""A change that is rolled back unless somebody confirms it, by a timer of systemd's.

The timer is started before the push, and runs `takeover rollback` without the terminal, the login
or the command that the change came from. It lives in systemd's memory on this node; if the node
itself dies, it goes with it. Then the change stays, `unconfirmed`, and the next command on the node
says so.
"""

from __future__ import annotations

from datetime import timedelta

from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.machine import Machine

_TIMEOUT = 30.0


def _unit(number: int) -> str:
    return f"takeover-unconfirmed-{number}"


def timer_command(machine: Machine, number: int, after: timedelta) -> tuple[str, ...]:
    """Return the command that starts the timer.

    Args:
        machine: This machine.
        number: The checkpoint's number.
        after: How long there is time to confirm.
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
        hint="Nothing was changed: without the timer nothing would roll the change back",
    )


def stop_command(number: int) -> tuple[str, ...]:
    """Return the command that stops the timer of a checkpoint."""
    return ("systemctl", "stop", f"{_unit(number)}.timer")


def stop_timer(machine: Machine, number: int) -> None:
    """Stop the timer; it may have run, or gone with a reboot.

    Raises:
        ProgramError: systemctl is missing or hangs.
    """
    machine.runner.run(*stop_command(number), timeout=_TIMEOUT, ok=range(-64, 256))


def check_none_waits(checkpoints: Checkpoints) -> None:
    """Refuse another change while one waits to be confirmed: its rollback would take both back.

    Args:
        checkpoints: All of them.

    Raises:
        ClusterError: One waits.
    """
    waiting = [each.number for each in checkpoints.all() if each.state == "unconfirmed"]
    if waiting:
        number = waiting[0]
        raise ClusterError(
            f"checkpoint {number} waits to be confirmed, and its rollback would take this change "
            f"back, too. Nothing was changed: first takeover confirm {number}, or takeover "
            f"rollback {number}"
        )


def confirm(machine: Machine, number: int | None) -> Checkpoint:
    """Keep a change that would be rolled back.

    Args:
        machine: This machine.
        number: Its checkpoint's number; the newest one that waits for it if None.

    Returns:
        The checkpoint as it is now.

    Raises:
        NotRoot: This is not root.
        Busy: A command is at work: the one whose change it is, or its rollback.
        ClusterError: There is nothing to confirm, or not that.
    """
    machine.require_root()
    checkpoints = Checkpoints(machine.state)
    with lock.held(machine, "takeover confirm"):
        waiting = [each for each in checkpoints.all() if each.state == "unconfirmed"]
        if number is not None:
            asked = checkpoints.get(number)
            if asked.state != "unconfirmed":
                raise ClusterError(f"checkpoint {number} is {asked.state}: nothing to confirm")
            waiting = [asked]
        if not waiting:
            raise ClusterError("no change waits to be confirmed (takeover history)")
        confirmed = checkpoints.keep(waiting[0], state="confirmed", confirm_by=None)
        stop_timer(machine, confirmed.number)
    return confirmed
