"""Reading from this node's journal what a fence agent printed when it failed.

Pacemaker's fencing history has no exit reason if the agent itself failed (in 2.1.5 and in 3.0.0):
crm_mon shows only that it failed. The output of the agent is in the journal of the node that ran
it, and nowhere else. It is only shown to users; no decision depends on it. If it cannot be found,
the history is left unchanged.

Every user of the node can write into the journal, under any name. So the entries are selected by
the fields that journald itself sets (systemd.journal-fields(7), "Trusted Journal Fields"): they
must come from root, from the program that fences, and from its unit.
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
# These two messages are logged in this order, by lib/fencing/st_actions.c and
# daemons/fenced/fenced_commands.c.
_OUTPUT = re.compile(r"\[(?P<pid>\d+)\] stderr: \[ (?P<text>.*) \]$")
_OPERATION = re.compile(r"Operation '\S+' \[(?P<pid>\d+)\] targeting (?P<target>\S+) .*returned ")


def explain(state: ClusterState, runner: Runner) -> ClusterState:
    """Return the state with the agent's last output as the reason of unexplained fencing failures.

    Args:
        state: The cluster's state.
        runner: The runner for journalctl.
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
        # The exit code is 1 if there are no such entries, or if the user may not read them.
        journal = runner.run(*_JOURNAL, timeout=_TIMEOUT, ok=(0, 1)).stdout
    except ProgramError:
        return []
    return [message for line in journal.splitlines() if (message := _message(line)) is not None]


def _message(line: str) -> str | None:
    """Return the message of a journal entry, or None if it is not text but an array of bytes."""
    try:
        message = json.loads(line)["MESSAGE"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return message if isinstance(message, str) else None


def _output_by_target(messages: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the target of each attempt and the output of the agent, the latest attempt last."""
    printed: dict[str, str] = {}
    for message in messages:
        if output := _OUTPUT.search(message):
            printed[output["pid"]] = output["text"]
        elif (operation := _OPERATION.search(message)) and operation["pid"] in printed:
            yield operation["target"], printed[operation["pid"]]
