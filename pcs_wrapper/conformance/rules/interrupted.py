"""Actions that are killed, as Pacemaker does when their time is over, and short times."""

from __future__ import annotations

from collections.abc import Iterator

from pcs_wrapper.conformance.codes import NOT_RUNNING, SUCCESS, WORKS
from pcs_wrapper.conformance.findings import Fault
from pcs_wrapper.conformance.laboratory import Laboratory, Setting, expect
from pcs_wrapper.conformance.rule import API, Chapter, Needs

CHAPTER = Chapter("Killed, or short of time", Needs.STARTS)
STOP = API + '"Mandatory Actions", stop'
TIMEOUT = 'Pacemaker Explained, "Operations", timeout'
MOMENTS = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the time that the action takes
SHORTEST = 1.0  # seconds; no agent has to be faster than that
SLOW = 2.0  # seconds from which on an action can be given half of its time


@CHAPTER.must("killed-start", STOP)
def killed_start(lab: Laboratory) -> Iterator[Fault]:
    """After a start that was killed, at whatever moment, a stop leaves nothing, a start works."""
    lab.require_stopped()
    lab.require_running()
    whole = lab.history[-1].seconds
    for moment in MOMENTS:
        lab.require_stopped()
        lab.act("start", setting=Setting(kill_after=moment * whole))
        faults = [*_stops(lab), *_starts(lab)]
        yield from faults
        if faults:
            return


@CHAPTER.must("killed-stop", STOP)
def killed_stop(lab: Laboratory) -> Iterator[Fault]:
    """After a stop that was killed, at whatever moment, a stop leaves nothing, a start works."""
    lab.require_running()
    lab.require_stopped()
    whole = lab.history[-1].seconds
    for moment in MOMENTS:
        lab.require_running()
        lab.act("stop", setting=Setting(kill_after=moment * whole))
        faults = [*_stops(lab), *_starts(lab)]
        yield from faults
        if faults:
            return


@CHAPTER.should("timeout", TIMEOUT)
def timeout(lab: Laboratory) -> Iterator[Fault]:
    """With too little time ($OCF_RESKEY_CRM_meta_timeout) start and stop fail, and say why."""
    lab.require_running()
    for action, require in (("start", lab.require_stopped), ("stop", lab.require_running)):
        require()
        whole = _time(lab, action)
        limit = whole / 2 if whole > SLOW else max(SHORTEST, 2 * whole)
        done = lab.act(action, setting=Setting(limit=limit))
        prefix = lab.environment["OCF_EXIT_REASON_PREFIX"]
        if done.hung or (done.code != SUCCESS and prefix not in done.stderr):
            yield Fault(
                f"{done.ended}, no reason" if not done.hung else done.ended,
                f"done, or failed with a reason, within {limit:.3g} s",
                done,
            )


def _time(lab: Laboratory, action: str) -> float:
    """Return how long an action takes, in seconds."""
    times = [done.seconds for done in lab.history if done.action == action and done.code == SUCCESS]
    return max(times, default=0)


def _stops(lab: Laboratory) -> Iterator[Fault]:
    killed = lab.history[-1].ran
    stopped = lab.act("stop")
    yield from expect(stopped, (SUCCESS,), f"exit code 0, after: {killed}")
    yield from expect(lab.monitor(0), (NOT_RUNNING,), f"exit code 7, after: {killed}")
    for process in lab.left_over():
        yield Fault(f"{process.label} still runs", f"no process, after: {killed}", stopped)


def _starts(lab: Laboratory) -> Iterator[Fault]:
    yield from expect(lab.act("start"), (SUCCESS,))
    yield from expect(lab.monitor(), WORKS)
