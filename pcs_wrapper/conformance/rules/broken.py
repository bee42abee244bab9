"""A stopped resource whose parameters or programs are missing or wrong.

The cluster stops and probes also where a resource never ran. A stop that fails there gets the node
fenced, and a probe that fails needlessly bans it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from pcs_wrapper.conformance.codes import (
    ERR_ARGS,
    ERR_CONFIGURED,
    ERR_INSTALLED,
    ERR_UNIMPLEMENTED,
    NOT_RUNNING,
    REFUSED,
    SUCCESS,
)
from pcs_wrapper.conformance.described import Parameter
from pcs_wrapper.conformance.findings import Fault, Skipped
from pcs_wrapper.conformance.laboratory import Laboratory, Setting, expect
from pcs_wrapper.conformance.rule import API, PACEMAKER, Chapter, Needs

CHAPTER = Chapter("With broken parameters, or programs missing", Needs.STOPS)
REASON = PACEMAKER + '"Environment Variables", OCF_EXIT_REASON_PREFIX'
STOP = API + '"Mandatory Actions", stop'
GARBAGE = "takeover-check"
ODD = "/takeover-check/'\"$(:)`:`;:|:&: \\ * é"
PREFIX = "takeover-check-reason:"


@CHAPTER.must("stop-without-parameters", STOP)
def stop_without_parameters(lab: Laboratory) -> Iterator[Fault]:
    """A stop succeeds when parameters are missing: nothing can run that cannot be named."""
    _see_that_it_is_stopped(lab)
    given = list(lab.parameters)
    every = dict.fromkeys(_variables(given))
    required = [name for name in _required(lab) if name in given and len(given) > 1]
    for missing in (every, *({_variable(name): None} for name in required)):
        yield from _stop(lab, Setting(missing))


@CHAPTER.must("stop-with-wrong-parameters", STOP)
def stop_with_wrong_parameters(lab: Laboratory) -> Iterator[Fault]:
    """A stop succeeds when parameters are wrong: one after the other, or all at once."""
    _see_that_it_is_stopped(lab)
    names = [parameter.name for parameter in _parameters(lab)]
    for wrong in (names, *([name] for name in names)):
        yield from _stop(lab, Setting(dict.fromkeys(_variables(wrong), GARBAGE)))
    yield from _stop(lab, Setting(dict.fromkeys(_variables(names), ODD)))


@CHAPTER.must("stop-without-programs", STOP)
def stop_without_programs(lab: Laboratory) -> Iterator[Fault]:
    """A stop succeeds on a node that does not have the resource's programs."""
    _see_that_it_is_stopped(lab)
    yield from _stop(lab, Setting(without_programs=True))


@CHAPTER.must("probe-without-programs", PACEMAKER + '"How Are OCF Return Codes Interpreted?"')
def probe_without_programs(lab: Laboratory) -> Iterator[Fault]:
    """A probe exits with 7, or with 5, on a node that does not have the resource's programs."""
    if missing := lab.missing():
        raise Skipped(f"needs -o {'=… -o '.join(missing)}=…")
    _see_that_it_is_stopped(lab)
    variables = {"OCF_RESKEY_CRM_meta_interval": "0"}
    done = lab.act("monitor", setting=Setting(variables, without_programs=True))
    yield from expect(done, (NOT_RUNNING, ERR_INSTALLED))


@CHAPTER.should("stop-with-empty-path", STOP)
def stop_with_empty_path(lab: Laboratory) -> Iterator[Fault]:
    """A stop succeeds with an empty PATH, and with one that leads nowhere."""
    _see_that_it_is_stopped(lab)
    for path in ("", "/takeover-check"):
        yield from _stop(lab, Setting({"PATH": path}))


@CHAPTER.should("stop-with-bare-environment", STOP)
def stop_with_bare_environment(lab: Laboratory) -> Iterator[Fault]:
    """A stop succeeds with no variable but OCF_ROOT, and with all variables but OCF_ROOT."""
    _see_that_it_is_stopped(lab)
    root = {"OCF_ROOT": lab.environment["OCF_ROOT"]}
    for setting in (Setting(root, bare=True), Setting({"OCF_ROOT": None})):
        yield from _stop(lab, setting)


@CHAPTER.must("start-without-parameters", API + '"Exit Status Codes"', Needs.STARTS)
def start_without_parameters(lab: Laboratory) -> Iterator[Fault]:
    """A start without a required parameter fails with 2, 5 or 6, never with 0 or 1."""
    lab.require_stopped()
    if not _required(lab):
        raise Skipped("no parameter is required")
    for name in _required(lab):
        yield from _refused_start(lab, {_variable(name): None})


@CHAPTER.should("start-with-wrong-parameters", API + '"Exit Status Codes"', Needs.STARTS)
def start_with_wrong_parameters(lab: Laboratory) -> Iterator[Fault]:
    """A start with a value that its parameter's type does not allow fails with 2, 5 or 6."""
    names = _typed(lab)
    lab.require_running()
    lab.require_stopped()
    for name in names:
        yield from _refused_start(lab, {_variable(name): GARBAGE})


@CHAPTER.should(
    "exit-reason", PACEMAKER + '"Environment Variables", OCF_EXIT_REASON_PREFIX', Needs.STARTS
)
def exit_reason(lab: Laboratory) -> Iterator[Fault]:
    """A start that is refused says why on standard error, after $OCF_EXIT_REASON_PREFIX."""
    lab.require_stopped()
    variables = _refusable(lab)
    for prefix in (PREFIX, lab.environment["OCF_EXIT_REASON_PREFIX"]):
        setting = Setting({**variables, "OCF_EXIT_REASON_PREFIX": prefix})
        done = lab.act("start", setting=setting)
        if done.code == SUCCESS:
            lab.act("stop", setting=setting)
            raise Skipped("the start is not refused, which is the fault of another rule")
        reasons = [line for line in done.stderr.splitlines() if line.startswith(prefix)]
        if not any(line.removeprefix(prefix).strip() for line in reasons):
            yield Fault("no reason", f"a line on standard error: {prefix}REASON", done)


@CHAPTER.must("validate-without-parameters", PACEMAKER + '"Actions"', Needs.NOTHING)
def validate_without_parameters(lab: Laboratory) -> Iterator[Fault]:
    """validate-all without a required parameter exits with 2 or 6, at level 0 already."""
    if not _required(lab):
        raise Skipped("no parameter is required")
    _see_that_it_validates(lab)
    for name in _required(lab):
        variables = {_variable(name): None, "OCF_CHECK_LEVEL": "0"}
        done = lab.act("validate-all", setting=Setting(variables))
        yield from expect(done, (ERR_ARGS, ERR_CONFIGURED))


@CHAPTER.must("validate", API + '"Optional Actions", validate-all', Needs.STARTS)
def validate(lab: Laboratory) -> Iterator[Fault]:
    """validate-all accepts parameters with which the resource starts, at levels 0 and 10."""
    lab.require_running()
    _see_that_it_validates(lab)
    for level in ("0", "10"):
        done = lab.act("validate-all", setting=Setting({"OCF_CHECK_LEVEL": level}))
        yield from expect(done, (SUCCESS,))


@CHAPTER.should("validate-anywhere", API + '"Check Levels"', Needs.STARTS)
def validate_anywhere(lab: Laboratory) -> Iterator[Fault]:
    """validate-all at level 0 does not look at the machine: programs may be missing there."""
    _see_that_it_validates(lab)
    setting = Setting({"OCF_CHECK_LEVEL": "0"}, without_programs=True)
    yield from expect(lab.act("validate-all", setting=setting), (SUCCESS,))


@CHAPTER.must("values-are-data", API + '"Parameter Passing"')
def values_are_data(lab: Laboratory) -> Iterator[Fault]:
    """What a parameter's value contains is never run as a command of a shell."""
    _see_that_it_is_stopped(lab)
    marker = lab.work_folder / "evaluated"
    command = f"touch {marker}"
    values = (f"$({command});{command};", f"';{command};'", f'";{command};"')
    for parameter, action in product(_parameters(lab), ("validate-all", "monitor", "stop")):
        for value in values:
            done = lab.act(action, setting=Setting({_variable(parameter.name): value}))
            if marker.exists():
                marker.unlink()
                yield Fault(f"it ran a command in {parameter.name}", "no command is run", done)
                break


def _stop(lab: Laboratory, setting: Setting) -> Iterator[Fault]:
    yield from expect(lab.act("stop", setting=setting), (SUCCESS,))


def _refused_start(lab: Laboratory, variables: dict[str, str | None]) -> Iterator[Fault]:
    setting = Setting(variables)
    done = lab.act("start", setting=setting)
    yield from expect(done, REFUSED)
    if done.code == SUCCESS:
        lab.act("stop", setting=setting)


def _refusable(lab: Laboratory) -> dict[str, str | None]:
    """Return variables with which a start has to be refused."""
    required = _required(lab)
    return {_variable(required[0]): None} if required else {_variable(_typed(lab)[0]): GARBAGE}


def _typed(lab: Laboratory) -> list[str]:
    """Return the names of the parameters that do not take any text."""
    found = [p.name for p in _parameters(lab) if p.type in ("integer", "boolean", "select")]
    if not found:
        raise Skipped("there is no parameter that could be wrong but texts")
    return found


def _see_that_it_is_stopped(lab: Laboratory) -> None:
    if not lab.missing():
        lab.require_stopped()


def _see_that_it_validates(lab: Laboratory) -> None:
    if lab.described is not None and lab.described.advertises("validate-all"):
        return
    if lab.act("validate-all").code == ERR_UNIMPLEMENTED:
        raise Skipped("the agent has no validate-all")


def _parameters(lab: Laboratory) -> Sequence[Parameter]:
    if lab.described is None or not lab.described.parameters:
        raise Skipped("no parameters are known")
    return lab.described.parameters


def _required(lab: Laboratory) -> tuple[str, ...]:
    return lab.described.required if lab.described else ()


def _variable(parameter: str) -> str:
    return f"OCF_RESKEY_{parameter}"


def _variables(parameters: list[str]) -> list[str]:
    return [_variable(name) for name in parameters]
