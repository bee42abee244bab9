"""The life of a resource: probed, started, monitored, stopped, and everything twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from pcs_wrapper.conformance.codes import NOT_RUNNING, SUCCESS, WORKS
from pcs_wrapper.conformance.findings import Fault
from pcs_wrapper.conformance.laboratory import Laboratory, Setting, State, expect
from pcs_wrapper.conformance.processes import working_folder
from pcs_wrapper.conformance.rule import API, PACEMAKER, Chapter, Needs

CHAPTER = Chapter("Its life", Needs.STARTS)
MONITOR = API + '"Exit Status Codes", 7'
START = API + '"Mandatory Actions", start'
STOP = API + '"Mandatory Actions", stop'
IDEMPOTENT = API + '"Resource Agent Actions"'
LEVELS = ("", "0", "10", "15", "20", "30")  # 15 and 30 are reserved: the next lower one counts
INTERVALS = (0, 10)  # a probe, and a recurring monitor


@CHAPTER.must("probe", MONITOR)
def probe(lab: Laboratory) -> Iterator[Fault]:
    """A probe of a resource that was never started exits with 7."""
    if lab.first_probe is not None:
        yield from expect(lab.first_probe, (NOT_RUNNING,))


@CHAPTER.must("stop-before-start", IDEMPOTENT)
def stop_before_start(lab: Laboratory) -> Iterator[Fault]:
    """A stop of a resource that was never started succeeds."""
    yield from expect(lab.act("stop"), (SUCCESS,))


@CHAPTER.must("monitor-stopped", MONITOR)
def monitor_stopped(lab: Laboratory) -> Iterator[Fault]:
    """Every monitor of a stopped resource exits with 7, recurring or not, at whatever level."""
    lab.require_stopped()
    for interval, level in product(INTERVALS, LEVELS):
        done = lab.monitor(interval, _level(level))
        yield from expect(done, (NOT_RUNNING,))


@CHAPTER.must("start", START)
def start(lab: Laboratory) -> Iterator[Fault]:
    """A start succeeds, and only when the resource serves: a monitor right after it says 0."""
    lab.require_stopped()
    started = lab.act("start")
    yield from expect(started, (SUCCESS,))
    if started.code == SUCCESS:
        for interval in INTERVALS:
            yield from expect(lab.monitor(interval), WORKS)


@CHAPTER.must("start-twice", IDEMPOTENT)
def start_twice(lab: Laboratory) -> Iterator[Fault]:
    """A start of a running resource succeeds, and leaves it running."""
    lab.require_running()
    before = lab.daemons()
    second = lab.act("start")
    yield from expect(second, (SUCCESS,))
    yield from expect(lab.monitor(), WORKS)
    if before and (more := lab.daemons_beyond(before)):
        names = ", ".join(process.label for process in more)
        yield Fault(f"it has started another: {names}", "what ran before goes on alone", second)


@CHAPTER.must("monitor-levels", API + '"Check Levels"')
def monitor_levels(lab: Laboratory) -> Iterator[Fault]:
    """Every monitor of a running resource exits with 0: at each level, and at unlisted ones."""
    for interval, level in product(INTERVALS, LEVELS):
        lab.require_running()
        done = lab.monitor(interval, _level(level))
        yield from expect(done, WORKS)


@CHAPTER.must("monitor-extra-arguments", API + '"Execution Syntax"')
def monitor_extra_arguments(lab: Laboratory) -> Iterator[Fault]:
    """A monitor ignores all further arguments."""
    lab.require_running()
    yield from expect(lab.act("monitor", "stop", "--help"), WORKS)
    yield from expect(lab.monitor(), WORKS, "exit code 0: still running")


@CHAPTER.must("action-variable", API + '"Execution Syntax"')
def action_variable(lab: Laboratory) -> Iterator[Fault]:
    """The action is the argument, whatever a variable __OCF_ACTION says."""
    lab.require_running()
    misled = lab.monitor(10, {"__OCF_ACTION": "stop"})
    yield from expect(misled, WORKS)
    yield from expect(lab.monitor(), WORKS, f"exit code 0: still running, after: {misled.ran}")


@CHAPTER.should("callers-folder", START)
def callers_folder(lab: Laboratory) -> Iterator[Fault]:
    """Nothing is left in the folder that the agent is called in, and no process works there."""
    lab.require_stopped()
    lab.require_running()
    last = lab.history[-1]
    for path in sorted(lab.work_folder.iterdir()):
        yield Fault(f"it made {path.name} in the working folder", "no file there", last)
    for process in lab.offspring():
        if working_folder(process) == str(lab.work_folder):
            yield Fault(f"{process.label} works there", "chdir to / before it goes on", last)


@CHAPTER.must("stop", STOP)
def stop(lab: Laboratory) -> Iterator[Fault]:
    """A stop succeeds, and only when nothing runs: every monitor right after it says 7."""
    lab.require_running()
    stopped = lab.act("stop")
    yield from expect(stopped, (SUCCESS,))
    if stopped.code == SUCCESS:
        for interval in INTERVALS:
            yield from expect(lab.monitor(interval), (NOT_RUNNING,))


@CHAPTER.must("stop-twice", IDEMPOTENT)
def stop_twice(lab: Laboratory) -> Iterator[Fault]:
    """A second stop succeeds too."""
    lab.require_running()
    lab.require_stopped()
    yield from expect(lab.act("stop"), (SUCCESS,))
    yield from expect(lab.monitor(0), (NOT_RUNNING,))


@CHAPTER.must("left-over-processes", STOP)
def left_over_processes(lab: Laboratory) -> Iterator[Fault]:
    """A stop leaves no process of the resource running."""
    lab.require_running()
    lab.require_stopped()
    stopped = lab.history[-1]
    for process in lab.left_over():
        yield Fault(f"{process.label} still runs", "no process of the resource", stopped)


@CHAPTER.should("left-over-files", STOP)
def left_over_files(lab: Laboratory) -> Iterator[Fault]:
    """A stop leaves no file in the folder for run-time files ($HA_RSCTMP), but for logs."""
    lab.require_running()
    lab.require_stopped()
    stopped = lab.history[-1]
    for name in sorted(name for name in lab.files() if not name.endswith(".log")):
        yield Fault(f"{name} is left in $HA_RSCTMP", "no file of the resource", stopped)


@CHAPTER.should("odd-places", PACEMAKER + '"Environment Variables"')
def odd_places(lab: Laboratory) -> Iterator[Fault]:
    """It works in whatever folder and with whatever umask it is called."""
    lab.require_running()
    lab.require_stopped()
    setting = Setting(removed_folder=True, umask=0o077)
    for action, codes in (("start", (SUCCESS,)), ("monitor", WORKS), ("stop", (SUCCESS,))):
        done = lab.act(action, setting=setting)
        yield from expect(done, codes)
        if done.code not in codes:
            break
    else:
        yield from expect(lab.monitor(), (NOT_RUNNING,))
    lab.state = State.UNKNOWN


def _level(level: str) -> dict[str, str]:
    return {"OCF_CHECK_LEVEL": level} if level else {}
