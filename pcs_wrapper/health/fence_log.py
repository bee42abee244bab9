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
from dataclasses import dataclass, replace

from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.runner import Runner
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FencingEvent

_READ = ("journalctl", "--output=json", "--output-fields=MESSAGE", "--no-pager")
_OF_FENCING = (
    "--identifier=pacemaker-fenced",
    # The kernel keeps 15 characters of a program's name.
    *("_UID=0", "_COMM=pacemaker-fence", "_SYSTEMD_UNIT=pacemaker.service"),
)
_LATEST = ("--boot", "--lines=300")
_ALL = "--lines=20000"
_TIMEOUT = 10.0
# These two messages are logged in this order, by lib/fencing/st_actions.c and
# daemons/fenced/fenced_commands.c.
#: What an agent printed, and the result of its action.
OUTPUT = re.compile(r"\[(?P<pid>\d+)\] stderr: \[ (?P<text>.*) \]$")
OPERATION = re.compile(r"Operation '\S+' \[(?P<pid>\d+)\] targeting (?P<target>\S+) .*returned ")


@dataclass(frozen=True)
class Entry:
    """An entry of the journal.

    Attributes:
        at: When it was written, in seconds since 1970; 0 if the journal does not say that.
        message: What was written.
    """

    at: float
    message: str


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
    return [entry.message for entry in _entries(runner, _LATEST)]


def entries(runner: Runner) -> list[Entry]:
    """Return what the program that fences has written into this node's journal, the oldest first.

    Args:
        runner: The runner for journalctl.
    """
    return [] if runner.find("journalctl") is None else _entries(runner, (_ALL,))


def _entries(runner: Runner, which: tuple[str, ...]) -> list[Entry]:
    try:
        # The exit code is 1 if there are no such entries, or if the user may not read them.
        command = (*_READ, *which, *_OF_FENCING)
        journal = runner.run(*command, timeout=_TIMEOUT, ok=(0, 1)).stdout
    except ProgramError:
        return []
    return [entry for line in journal.splitlines() if (entry := _entry(line)) is not None]


def _entry(line: str) -> Entry | None:
    """Return an entry of the journal, or None if its message is not text but an array of bytes."""
    try:
        fields = json.loads(line)
        message, at = fields["MESSAGE"], int(fields.get("__REALTIME_TIMESTAMP", 0))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    return Entry(at / 1_000_000, message) if isinstance(message, str) else None


def _output_by_target(messages: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the target of each attempt and the output of the agent, the latest attempt last."""
    printed: dict[str, str] = {}
    for message in messages:
        if output := OUTPUT.search(message):
            printed[output["pid"]] = output["text"]
        elif (operation := OPERATION.search(message)) and operation["pid"] in printed:
            yield operation["target"], printed[operation["pid"]]
