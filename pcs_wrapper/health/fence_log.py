"""What a fence agent printed when it failed, from this node's journal.

Pacemaker's fencing history has no exit reason if the agent itself failed (2.1.5 and 3.0.0 alike):
crm_mon only shows that it did. What the agent printed is in the journal of the node that ran it,
and nowhere else. It is shown to people; nothing is decided from it, and if it cannot be found, the
history stays as it is.

Whoever has an account on the node writes into the journal, under any name that he likes. So what is
matched is what journald itself says of the sender (systemd.journal-fields(7), "Trusted Journal
Fields"): root, by the program and in the unit that fence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.runner import Runner
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FencingEvent

_JOURNAL = (
    *("journalctl", "--output=json", "--output-fields=MESSAGE", "--no-pager"),
    *("--identifier=pacemaker-fenced", "--boot", "--lines=300"),
    # The kernel keeps 15 characters of a program's name.
    *("_UID=0", "_COMM=pacemaker-fence", "_SYSTEMD_UNIT=pacemaker.service"),
)
_TIMEOUT = 10.0
# lib/fencing/st_actions.c and daemons/fenced/fenced_commands.c log these two, in this order.
_OUTPUT = re.compile(r"\[(?P<pid>\d+)\] stderr: \[ (?P<text>.*) \]$")
_OPERATION = re.compile(r"Operation '\S+' \[(?P<pid>\d+)\] targeting (?P<target>\S+) .*returned ")


def explain(state: ClusterState, runner: Runner) -> ClusterState:
    """Return the state in which failed fencing without a reason has what the agent printed last.

    Args:
        state: The cluster's state.
        runner: Runs journalctl on this node.
    """
    unexplained = any(map(_is_unexplained, state.fencing_history))
    if not unexplained or runner.find("journalctl") is None:
        return state
    printed = dict(_output_by_target(_messages(runner)))
    history = (
        replace(event, reason=printed.get(event.target, "")) if _is_unexplained(event) else event
        for event in state.fencing_history
    )
    return replace(state, fencing_history=tuple(history))


def _is_unexplained(event: FencingEvent) -> bool:
    return event.status == "failed" and not event.reason


def _messages(runner: Runner) -> list[str]:
    try:
        # The exit code is 1 if there are no such entries, or if this user may not read them.
        journal = runner.run(*_JOURNAL, timeout=_TIMEOUT, ok=(0, 1)).stdout
    except ProgramError:
        return []
    return [message for line in journal.splitlines() if (message := _message(line)) is not None]


def _message(line: str) -> str | None:
    """Return the message of an entry; None if it is not text (then it is an array of bytes)."""
    try:
        message = json.loads(line)["MESSAGE"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return message if isinstance(message, str) else None


def _output_by_target(messages: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the target of every attempt and what the agent printed, the latest attempt last."""
    printed: dict[str, str] = {}
    for message in messages:
        if output := _OUTPUT.search(message):
            printed[output["pid"]] = output["text"]
        elif (operation := _OPERATION.search(message)) and operation["pid"] in printed:
            yield operation["target"], printed[operation["pid"]]
