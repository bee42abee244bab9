"""Reading the live CIB, and pushing a change to it: atomically, without losing others' changes.

`pcs cluster cib-push … diff-against=…` makes the difference with crm_diff and applies it with
cibadmin, whatever the CIB is by then: somebody else's edit of the same object is overwritten
without a warning. So the same two programs are run here, and the difference also contains the
version of the CIB that it was made for, which pcs leaves out. Pacemaker applies such a patch only
if the live CIB still has that version (lib/common/patchset.c, xml_patch_version_check), so no edit
can be lost between the last comparison and the push.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lxml import etree

from cib_templates.cib.numbers import whole_number
from cib_templates.cib.record import entries_of, with_entries
from cib_templates.cib.text import NotXml, parse, parse_cib, to_text
from cib_templates.cib.validation import check_schema, is_installed
from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.reading.files import read_file
from pcs_wrapper.errors import (
    ChangedMeanwhile,
    ClusterError,
    CommandFailed,
    CommandTimedOut,
    PushUncertain,
    UsageError,
)
from pcs_wrapper.machine.files import LARGEST_CIB
from pcs_wrapper.machine.machine import Machine

_TIMEOUT = 60.0
# The time by which the process's limit exceeds crm_resource's own, in seconds.
_GRACE = 15.0
# CRM_EX_TIMEOUT and CRM_EX_OLD of crm_error(8).
_WAIT_TIMED_OUT = 124
_OLD = 103
# CRM_EX_TIMEOUT and CRM_EX_DISCONNECT: the request was sent, but there was no answer.
_NO_ANSWER = (124, 102)
# crm_diff exits with 1 if there is a difference.
_DIFFERENT = (0, 1)
_QUERY = ("cibadmin", "--query")
# Every action that ends in the cluster changes the CIB's version: a push may have to be repeated.
_ATTEMPTS = 50
_PAUSE = 0.05


ResourceKind = Literal["resource", "stonith"]


@dataclass(frozen=True)
class Pushed:
    """The epochs of the CIB around a push.

    Attributes:
        before: The epoch of the live CIB before the push.
        after: The epoch after the push.
    """

    before: int
    after: int


@dataclass(frozen=True)
class PushFiles:
    """The files of a push, which have the same names in a dry run.

    Attributes:
        old: The file with the CIB that the change was made from.
        new: The file with the changed CIB.
        patch: The file with the difference.
    """

    old: Path
    new: Path
    patch: Path

    def below(self, folder: Path) -> PushFiles:
        """Return the files of the same names in a folder."""
        return PushFiles(folder / self.old, folder / self.new, folder / self.patch)

    @property
    def diff_command(self) -> tuple[str, ...]:
        """The command that prints the difference."""
        return ("crm_diff", "--original", str(self.old), "--new", str(self.new))

    @property
    def push_command(self) -> tuple[str, ...]:
        """The command that pushes the difference, which leaves others' changes as they are."""
        return ("cibadmin", "--patch", "--xml-file", str(self.patch))


#: The files of a push that is the only one of its change.
PUSH_FILES = PushFiles(Path("old.xml"), Path("new.xml"), Path("patch.xml"))
#: The files of a push that stops the resources to remove; _REMOVE_FILES are those of the next push.
STOP_FILES = PushFiles(Path("old.xml"), Path("stopped.xml"), Path("stop.xml"))
_REMOVE_FILES = PushFiles(Path("stopped.xml"), Path("new.xml"), Path("patch.xml"))


def files_after_stop(old: etree._Element, stopped: etree._Element) -> PushFiles:
    """Return the files of the push that removes the resources that another push has stopped.

    Args:
        old: The CIB before the stop.
        stopped: The CIB after the stop; the same if all target roles were Stopped before.
    """
    return _REMOVE_FILES if changed_ids(old, stopped) else PUSH_FILES


def push_lines(files: PushFiles) -> tuple[str, str]:
    """Return the commands of a push, as a user would type them."""
    return f"{shlex.join(files.diff_command)} > {files.patch}", shlex.join(files.push_command)


def read_cib(machine: Machine) -> etree._Element:
    """Return the live CIB.

    Raises:
        ProgramError: pcs cannot read it.
        ClusterError: pcs prints no XML.
    """
    return _read(machine, "pcs", "cluster", "cib")


def query(machine: Machine) -> etree._Element:
    """Return the live CIB without pcs, in a twentieth of the time.

    Raises:
        ProgramError: cibadmin cannot read it.
        ClusterError: cibadmin prints no XML.
    """
    return _read(machine, *_QUERY)


def _read(machine: Machine, *command: str) -> etree._Element:
    result = machine.runner.run(*command, timeout=_TIMEOUT)
    try:
        return parse_cib(result.stdout)
    except NotXml as error:
        raise ClusterError(f"`{' '.join(command)}` printed no CIB: {error}") from None


def _answer(text: str, command: tuple[str, ...]) -> etree._Element:
    """Return the XML that a program gave."""
    try:
        return parse(text)
    except NotXml as error:
        raise ClusterError(f"`{command[0]}` gave no XML: {error}") from None


def check(machine: Machine, new: etree._Element) -> None:
    """Check a CIB against the schema of the installed Pacemaker, if there is one.

    Args:
        machine: This machine.
        new: The CIB.

    Raises:
        InvalidCib: The schema rejects the CIB.
    """
    if is_installed(machine.schemas):
        check_schema(new, machine.schemas)


def push(
    machine: Machine,
    old: etree._Element,
    new: etree._Element,
    names: PushFiles = PUSH_FILES,
    *,
    record: Callable[[etree._Element], Mapping[int, str]] = entries_of,
) -> Pushed:
    """Check a changed CIB against the installed schema, and push the difference atomically.

    Changes that others have made since `old` was read are kept. If one of them is of the same
    object, nothing is pushed. Nothing is pushed either if `old` and `new` do not differ.

    Args:
        machine: This machine.
        old: The live CIB as it was read.
        new: The CIB after the push.
        names: The names of the files that the two commands read and write.
        record: A function that returns the entries that the record of changes shall have after a
            push to a live CIB.

    Returns:
        The epochs of the CIB before and after the push.

    Raises:
        InvalidCib: The schema rejects the new CIB; nothing was pushed.
        ChangedMeanwhile: Somebody has changed the same objects; nothing was pushed.
        PushUncertain: The cluster did not answer.
        ProgramError: The push has failed; nothing was changed.
    """
    check(machine, new)
    if not changed_ids(old, new):
        epoch = whole_number(old.get("epoch")) or 0
        return Pushed(epoch, epoch)
    return _push(machine, old, new, names, record)


def push_record(machine: Machine, record: Callable[[etree._Element], Mapping[int, str]]) -> None:
    """Push a change of the record of changes, and of nothing else, if it makes any.

    Args:
        machine: This machine.
        record: As for `push`.

    Raises:
        PushUncertain: The cluster did not answer.
        ProgramError: The push has failed; nothing was changed.
    """
    live = _read(machine, *_QUERY)
    if record(live) != entries_of(live):
        _push(machine, live, live, PUSH_FILES, record)


def _push(
    machine: Machine,
    old: etree._Element,
    new: etree._Element,
    names: PushFiles,
    record: Callable[[etree._Element], Mapping[int, str]],
) -> Pushed:
    ours = changed_ids(old, new)
    made_for, patch = None, None
    # The mode of this folder is 0700, because a CIB may contain secrets.
    with tempfile.TemporaryDirectory(prefix="takeover-") as folder:
        files = names.below(Path(folder))
        for _ in range(_ATTEMPTS):
            live = _read(machine, *_QUERY)
            conflicts = same_objects(ours, changed_ids(old, live))
            if conflicts:
                raise ChangedMeanwhile(conflicts)
            # The record says which version it was pushed to; a change of the status is none.
            version = live.get("admin_epoch"), live.get("epoch")
            if patch is None or version != made_for:
                known = with_entries(old, entries_of(live))
                patch = _difference(machine, files, known, with_entries(new, record(live)))
                made_for = version
            pushed = _stamp(patch, live)
            files.patch.write_text(to_text(patch))
            if _push_once(machine, files.push_command):
                return pushed
            machine.sleep(_PAUSE)
    raise ClusterError(
        f"the CIB's version changed {_ATTEMPTS} times while the change was pushed, so nothing "
        "was changed. Run the command again when the cluster is less busy"
    )


def _difference(
    machine: Machine, files: PushFiles, old: etree._Element, new: etree._Element
) -> etree._Element:
    """Return the patch that makes one CIB of another."""
    files.old.write_text(to_text(old))
    files.new.write_text(to_text(new))
    difference = machine.runner.run(*files.diff_command, timeout=_TIMEOUT, ok=_DIFFERENT)
    return _answer(difference.stdout, files.diff_command)


def _push_once(machine: Machine, command: tuple[str, ...]) -> bool:
    """Push, and return whether the live CIB still had the version that the patch was made for."""
    answers = (0, _OLD, *_NO_ANSWER)
    try:
        result = machine.runner.run(
            *command, timeout=_TIMEOUT, ok=answers, hint="Nothing was changed"
        )
    except CommandTimedOut as error:
        raise PushUncertain(CommandTimedOut(error.command, error.timeout, "")) from None
    if result.exit_code in _NO_ANSWER:
        failed = CommandFailed(command, result.exit_code, result.stderr, "")
        raise PushUncertain(failed)
    return result.exit_code == 0


def same_objects(ours: ChangedIds, theirs: ChangedIds) -> tuple[str, ...]:
    """Return the IDs of the objects that two changes have in common."""
    others = {*theirs.created, *theirs.changed, *theirs.removed}
    return tuple(name for name in (*ours.created, *ours.changed, *ours.removed) if name in others)


def _stamp(patch: etree._Element, live: etree._Element) -> Pushed:
    """Set a patch's versions so that it applies only to the present version of the live CIB."""
    epoch = whole_number(live.get("epoch")) or 0
    versions = {
        "source": (epoch, live.get("num_updates", "0")),
        "target": (epoch + 1, "0"),
    }
    for name, (number, updates) in versions.items():
        version = patch.find(f"version/{name}")
        if version is None:
            raise ClusterError("crm_diff printed no patch of format 2 with versions")
        version.set("admin_epoch", live.get("admin_epoch", "0"))
        version.set("epoch", str(number))
        version.set("num_updates", updates)
    return Pushed(epoch, epoch + 1)


def undone(
    machine: Machine,
    live: etree._Element,
    before: etree._Element,
    after: etree._Element,
) -> etree._Element:
    """Return a live CIB without a change, and with what others have changed since.

    Args:
        machine: This machine.
        live: The live CIB; it is not modified.
        before: The CIB before the change.
        after: The CIB after it.

    Raises:
        ProgramError: crm_diff is missing; or it fails, because an object that would be changed
            back does not exist any more.
    """
    if not changed_ids(before, after):
        return live
    # What was recorded since stays recorded.
    before, after = (with_entries(each, entries_of(live)) for each in (before, after))
    after.attrib.clear()
    after.attrib.update(before.attrib)
    with tempfile.TemporaryDirectory(prefix="takeover-") as folder:
        files = PushFiles(Path("after.xml"), Path("before.xml"), Path("back.xml"))
        files = files.below(Path(folder))
        files.old.write_text(to_text(after))
        files.new.write_text(to_text(before))
        # A patch without versions can be applied to any CIB.
        back = machine.runner.run(
            *files.diff_command, "--no-version", timeout=_TIMEOUT, ok=_DIFFERENT
        )
        files.patch.write_text(back.stdout)
        files.old.write_text(to_text(live))
        result = machine.runner.run(
            *("crm_diff", "--original", str(files.old), "--patch", str(files.patch)),
            timeout=_TIMEOUT,
            hint="An object that would be changed back does not exist any more, because somebody "
            "has changed the configuration since. Nothing was changed",
        )
    try:
        cib = parse_cib(result.stdout)
    except NotXml as error:
        raise ClusterError(f"`crm_diff` gave no CIB: {error}") from None
    for name in ("admin_epoch", "epoch", "num_updates"):
        cib.set(name, live.get(name, "0"))
    return cib


def cleanup_command(resource: str, kind: ResourceKind) -> tuple[str, ...]:
    """Return the command that clears the failures of a resource on all nodes.

    Args:
        resource: The resource's ID.
        kind: The pcs command for it: `resource`, or `stonith` for a fencing device.
    """
    return ("pcs", kind, "cleanup", resource)


def cleanup(machine: Machine, resource: str, kind: ResourceKind) -> None:
    """Clear the failures of a resource, so that Pacemaker tries to start it again.

    Args:
        machine: This machine.
        resource: The resource's ID.
        kind: As for `cleanup_command`.

    Raises:
        ProgramError: pcs is missing or fails.
    """
    machine.runner.run(
        *cleanup_command(resource, kind),
        timeout=_TIMEOUT,
        hint="The configuration was pushed; only the old failures are still there",
    )


def wait_command(timeout: int) -> tuple[str, ...]:
    """Return the command that waits until the cluster has nothing left to do.

    Args:
        timeout: The longest time to wait, in seconds.
    """
    return ("crm_resource", "--wait", f"--timeout={timeout}")


def wait_for_pacemaker(machine: Machine, timeout: int) -> bool:
    """Wait until the cluster has nothing left to do.

    Args:
        machine: This machine.
        timeout: The longest time to wait, in seconds.

    Returns:
        Whether the cluster has nothing left to do; otherwise it is still busy, or waits itself.

    Raises:
        ProgramError: crm_resource is missing or fails.
    """
    result = machine.runner.run(
        *wait_command(timeout), timeout=timeout + _GRACE, ok=(0, _WAIT_TIMED_OUT)
    )
    return result.exit_code == 0


def read_cib_file(file: Path) -> etree._Element:
    """Return the CIB in a file.

    Raises:
        UsageError: The file cannot be read, or contains no CIB.
    """
    hint = "the file must be a whole CIB, as `pcs cluster cib FILE` writes it"
    try:
        return parse_cib(read_file(file, LARGEST_CIB))
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; {hint}") from None
    except NotXml as error:
        raise UsageError(f"{file}: {error}; {hint}") from None
