"""What all actions of the whole test have in common: codes, output, time."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from pcs_wrapper.conformance.action import Outcome
from pcs_wrapper.conformance.codes import (
    DEGRADED,
    DEGRADED_PROMOTED,
    ERRORS,
    FAILED_PROMOTED,
    NOT_RUNNING,
    PROMOTED,
    SUCCESS,
)
from pcs_wrapper.conformance.findings import Fault
from pcs_wrapper.conformance.laboratory import Laboratory
from pcs_wrapper.conformance.rule import API, Chapter, Needs

CHAPTER = Chapter("Every action of this test", Needs.NOTHING)
CODES = API + '"Exit Status Codes"'
MOST = 5  # examples of one fault


@CHAPTER.must("exit-codes", CODES)
def exit_codes(lab: Laboratory) -> Iterator[Fault]:
    """No other exit codes than the documented ones; 7 and 190 are a monitor's only."""
    seen = set()
    for done in lab.history:
        if done.killed or done.hung or done.code in _allowed(lab, done):
            continue
        if (done.action, done.code) not in seen:
            seen.add((done.action, done.code))
            yield Fault(done.ended, "0 to 6; 7 and 190 of a monitor; 8, 9, 191 of roles", done)


@CHAPTER.must("time-limit", 'Pacemaker Explained, "Operations", timeout')
def time_limit(lab: Laboratory) -> Iterator[Fault]:
    """No action takes longer than the time that is advertised for it."""
    late = [done for done in lab.history if done.hung and done.limit >= lab.limit(done.action)]
    for done in late[:MOST]:
        yield Fault(done.ended, f"an end within {done.limit:g} s", done)


@CHAPTER.should("realistic-times", API + '"Resource Agent Meta-Data", "Semantics", timeout')
def realistic_times(lab: Laboratory) -> Iterator[Fault]:
    """Advertised times are at least twice those that actions take here, on a machine at rest."""
    slowest: dict[str, Outcome] = {}
    for done in lab.history:
        if not (done.killed or done.hung) and done.seconds > getattr(
            slowest.get(done.action), "seconds", 0
        ):
            slowest[done.action] = done
    for action, done in slowest.items():
        advertised = lab.described.timeout(action) if lab.described else None
        if advertised and done.seconds * 2 > advertised:
            yield Fault(f"it took {done.seconds:.3g} s of {advertised:g} s", "more time", done)


@CHAPTER.must("output-closed", 'POSIX.1, "pipe"')
def output_closed(lab: Laboratory) -> Iterator[Fault]:
    """What an action leaves running has let go of its output, or its caller waits for ever."""
    for done in [done for done in lab.history if done.kept_open and not done.hung][:MOST]:
        yield Fault(
            f"{', '.join(done.kept_open)} kept its output open",
            "standard output and error of daemons go to a log or to /dev/null",
            done,
        )


@CHAPTER.should("plain-output", API + '"Global OCF Attributes", OCF_OUTPUT_FORMAT')
def plain_output(lab: Laboratory) -> Iterator[Fault]:
    """What is written is text in UTF-8, without escape sequences and other control characters."""
    seen = set()
    for done in lab.history:
        if done.action not in seen and not (_is_plain(done.stdout) and _is_text(done.stderr)):
            seen.add(done.action)
            yield Fault("output that is not plain text", "text", done)


def _allowed(lab: Laboratory, done: Outcome) -> tuple[int, ...]:
    codes: tuple[int, ...] = (SUCCESS, *ERRORS)
    if done.action in ("monitor", "status"):
        codes += (NOT_RUNNING, DEGRADED)
        if lab.described is None or lab.described.promotable:
            codes += (PROMOTED, FAILED_PROMOTED, DEGRADED_PROMOTED)
    return codes


def _is_plain(output: bytes) -> bool:
    try:
        return _is_text(output.decode())
    except UnicodeDecodeError:
        return False


def _is_text(text: str) -> bool:
    return not any(unicodedata.category(c) == "Cc" and c not in "\t\n\r" for c in text)
