"""Calling an agent: meta-data from anywhere, and calls that make no sense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from pcs_wrapper.conformance.action import NOBODY, Outcome
from pcs_wrapper.conformance.codes import ERR_ARGS, ERR_UNIMPLEMENTED, SUCCESS
from pcs_wrapper.conformance.findings import Fault, Skipped
from pcs_wrapper.conformance.laboratory import Laboratory, Setting, expect
from pcs_wrapper.conformance.rule import API, PACEMAKER, Chapter, Needs

CHAPTER = Chapter("Calling it", Needs.NOTHING)
NO_SUCH_ACTION = "takeover-no-such-action"
READ_EXECUTE = 0o5


@CHAPTER.must("meta-data", API + '"Mandatory Actions"')
def meta_data(lab: Laboratory) -> Iterator[Fault]:
    """meta-data exits with 0 and writes an XML document to standard output."""
    done = lab.act("meta-data")
    yield from expect(done, (SUCCESS,))
    if document(done) is None:
        yield Fault("no XML document on standard output", "an XML document and nothing else", done)


@CHAPTER.should("meta-data-quiet", API + '"Mandatory Actions"')
def meta_data_quiet(lab: Laboratory) -> Iterator[Fault]:
    """meta-data writes nothing to standard error."""
    done = lab.act("meta-data")
    if done.stderr:
        yield Fault("output on standard error", "nothing on standard error", done)


@CHAPTER.must("meta-data-nobody", PACEMAKER + '"Actions"')
def meta_data_nobody(lab: Laboratory) -> Iterator[Fault]:
    """meta-data needs no root: any user may ask what an agent is."""
    if lab.is_root:
        for folder in lab.agent.parents:
            if not folder.stat().st_mode & 1:
                raise Skipped(f"{folder} can only be entered by its owner")
        if lab.agent.stat().st_mode & READ_EXECUTE != READ_EXECUTE:
            yield Fault("the file's mode does not let others read and run it", "mode 755")
            return
    try:
        done = lab.act("meta-data", setting=Setting(as_nobody=lab.is_root))
    except PermissionError:
        yield Fault(
            f"user {NOBODY} (nobody) cannot run it: its interpreter is out of reach",
            "an interpreter that every user can run",
        )
        return
    yield from expect(done, (SUCCESS,))
    yield from _differs(lab, done)


@CHAPTER.must("meta-data-environment", API + '"Resource Agent Meta-Data"')
def meta_data_environment(lab: Laboratory) -> Iterator[Fault]:
    """meta-data is there whatever the parameters are, and with no variable but OCF_ROOT."""
    for setting in _environments(lab):
        done = lab.act("meta-data", setting=setting)
        yield from expect(done, (SUCCESS,))
        if document(done) is None:
            yield Fault("no XML document", "an XML document and nothing else", done)


@CHAPTER.should("meta-data-same", API + '"Resource Agent Meta-Data"')
def meta_data_same(lab: Laboratory) -> Iterator[Fault]:
    """meta-data is about the agent, and the same for every resource and in every environment."""
    for setting in _environments(lab):
        yield from _differs(lab, lab.act("meta-data", setting=setting))


@CHAPTER.should("meta-data-bare", PACEMAKER + '"Actions"')
def meta_data_bare(lab: Laboratory) -> Iterator[Fault]:
    """meta-data needs no environment at all: tools ask for it outside a cluster."""
    yield from expect(lab.act("meta-data", setting=Setting(bare=True)), (SUCCESS,))


@CHAPTER.must("meta-data-touches-nothing", PACEMAKER + '"Actions"')
def meta_data_touches_nothing(lab: Laboratory) -> Iterator[Fault]:
    """meta-data leaves no file and no process behind."""
    folders = dict.fromkeys(("HOME", "TMPDIR"), str(lab.work_folder))
    done = lab.act("meta-data", setting=Setting(folders))
    # Nothing but meta-data was asked for until now, so that both folders were empty.
    for path in sorted([*lab.run_folder.rglob("*"), *lab.work_folder.rglob("*")]):
        yield Fault(f"it made {path.name} in {_folder_name(lab, path)}", "no file", done)
    for process in lab.left_over():
        yield Fault(f"it left {process.label} running", "no process", done)


@CHAPTER.must("unknown-action", API + '"Exit Status Codes"')
def unknown_action(lab: Laboratory) -> Iterator[Fault]:
    """An unknown action exits with 3 (unimplemented)."""
    yield from expect(lab.act(NO_SUCH_ACTION), (ERR_UNIMPLEMENTED,))


@CHAPTER.must("no-action", API + '"Resource Agent Actions"')
def no_action(lab: Laboratory) -> Iterator[Fault]:
    """Without an action it ends with a documented error: 2 (arguments) or 3 (unimplemented)."""
    yield from expect(lab.act(), (ERR_ARGS, ERR_UNIMPLEMENTED))


@CHAPTER.must("extra-arguments", API + '"Execution Syntax"')
def extra_arguments(lab: Laboratory) -> Iterator[Fault]:
    """All arguments but the first are ignored."""
    done = lab.act("meta-data", "stop", "--help")
    yield from expect(done, (SUCCESS,))
    yield from _differs(lab, done)
    done = lab.act(NO_SUCH_ACTION, "meta-data")
    yield from expect(done, (ERR_UNIMPLEMENTED,))


def document(outcome: Outcome) -> bytes | None:
    """Return the XML document that an action wrote; None if it is none."""
    try:
        return etree.tostring(etree.fromstring(outcome.stdout), method="c14n")
    except etree.XMLSyntaxError:
        return None


def _differs(lab: Laboratory, done: Outcome) -> Iterator[Fault]:
    if lab.described is None or done.code != SUCCESS:
        return
    if document(done) != etree.tostring(lab.described.root, method="c14n"):
        yield Fault("the document is another one than usual", "the same document", done)


def _environments(lab: Laboratory) -> tuple[Setting, Setting]:
    """Return an environment with OCF_ROOT only, and one in which every parameter is wrong."""
    parameters = lab.described.parameters if lab.described else ()
    wrong = {f"OCF_RESKEY_{parameter.name}": "takeover-check" for parameter in parameters}
    return Setting({"OCF_ROOT": lab.environment["OCF_ROOT"]}, bare=True), Setting(wrong)


def _folder_name(lab: Laboratory, path: Path) -> str:
    return "$HA_RSCTMP" if path.is_relative_to(lab.run_folder) else "the working folder"
