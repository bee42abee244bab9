"""What a fence agent said when it failed, from this node's journal.

Pacemaker's fencing history has no exit reason where the agent itself failed (2.1.5 and 3.0.0 both):
all that crm_mon can tell is that it did. The agent's own words are only in the journal of the node
that ran it. They make a good reason better; nothing is decided from them, and where they cannot be
found the history stands as it is.
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
)
_TIMEOUT = 10.0
# lib/fencing/st_actions.c and daemons/fenced/fenced_commands.c log these two, in this order.
_WORDS = re.compile(r"\[(?P<pid>\d+)\] stderr: \[ (?P<words>.*) \]$")
_OPERATION = re.compile(r"Operation '\S+' \[(?P<pid>\d+)\] targeting (?P<target>\S+) .*returned ")


def explain(state: ClusterState, runner: Runner) -> ClusterState:
    """Give failed fencing that has no reason the fence agent's last words about the node.

    Args:
        state: The cluster's state.
        runner: Runs journalctl on this node.
    """
    unexplained = any(map(_is_unexplained, state.fencing_history))
    if not unexplained or runner.find("journalctl") is None:
        return state
    words = dict(_words_by_target(_messages(runner)))
    history = (
        replace(event, reason=words.get(event.target, "")) if _is_unexplained(event) else event
        for event in state.fencing_history
    )
    return replace(state, fencing_history=tuple(history))


def _is_unexplained(event: FencingEvent) -> bool:
    return event.status == "failed" and not event.reason


def _messages(runner: Runner) -> list[str]:
    try:
        # An ordinary user may not read it, and there may be no such entries: 1.
        journal = runner.run(*_JOURNAL, timeout=_TIMEOUT, ok=(0, 1)).stdout
    except ProgramError:
        return []
    entries = (json.loads(line) for line in journal.splitlines() if line.startswith("{"))
    # A message that is no text is an array of bytes.
    return [entry["MESSAGE"] for entry in entries if isinstance(entry.get("MESSAGE"), str)]


def _words_by_target(messages: list[str]) -> Iterator[tuple[str, str]]:
    """Yield target and words of every attempt, the latest last."""
    words: dict[str, str] = {}
    for message in messages:
        if said := _WORDS.search(message):
            words[said["pid"]] = said["words"]
        elif (operation := _OPERATION.search(message)) and operation["pid"] in words:
            yield operation["target"], words[operation["pid"]]
