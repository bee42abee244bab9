"""Reading the live CIB, and pushing a change: all of it or nothing, and nothing of others' is lost.

`pcs cluster cib-push … diff-against=…` makes the difference with crm_diff and has cibadmin apply
it, whatever the CIB has become meanwhile: an edit of the same object is written over, without a
word. So the same two programs are run here, with the one thing that pcs leaves out: the version
that the difference belongs to. Pacemaker takes a patch only if the live CIB still has its
source version (lib/common/patchset.c, xml_patch_version_check), so nothing can come between a look
and the push.
"""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.cib.validation import check_schema, is_installed
from cib_templates.comparing.changes import ChangedIds, changed_ids
from pcs_wrapper.errors import (
    ChangedMeanwhile,
    ClusterError,
    CommandFailed,
    CommandTimedOut,
    PushUncertain,
    UsageError,
)
from pcs_wrapper.machine.machine import Machine

_TIMEOUT = 60.0
# From the end of crm_resource's own time limit to that of the process.
_GRACE = 15.0
# CRM_EX_TIMEOUT and CRM_EX_OLD of crm_error(8).
_WAIT_TIMED_OUT = 124
_OLD = 103
# CRM_EX_TIMEOUT and CRM_EX_DISCONNECT: the request was sent, and nothing came back.
_NO_ANSWER = (124, 102)
# crm_diff ends with 1 when there is a difference.
_DIFFERENT = (0, 1)
_QUERY = ("cibadmin", "--query")
# Every action that ends anywhere in the cluster makes a new version: a push may lose some races.
_ATTEMPTS = 50
_PAUSE = 0.05


ResourceKind = Literal["resource", "stonith"]


@dataclass(frozen=True)
class Pushed:
    """Where a push came to lie in the configuration's history.

    Attributes:
        before: The live CIB's epoch that the push was made on.
        after: The epoch that it made.
    """

    before: int
    after: int


@dataclass(frozen=True)
class PushFiles:
    """The files of a push, the same ones whether it is shown or made.

    Attributes:
        old: Holds the CIB that the change was made from.
        new: Holds the changed CIB.
        patch: Holds the difference.
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
        """The command that pushes the difference: others' changes stay."""
        return ("cibadmin", "--patch", "--xml-file", str(self.patch))


#: Those of a push that is the only one of its change.
PUSH_FILES = PushFiles(Path("old.xml"), Path("new.xml"), Path("patch.xml"))
#: The two of a change that first stops what it removes.
STOP_FILES = PushFiles(Path("old.xml"), Path("stopped.xml"), Path("stop.xml"))
_REMOVE_FILES = PushFiles(Path("stopped.xml"), Path("new.xml"), Path("patch.xml"))


def files_after_stop(old: etree._Element, stopped: etree._Element) -> PushFiles:
    """Return the files of the push that removes what another push has stopped.

    Args:
        old: The CIB before the stop.
        stopped: The CIB after it; the same if all was told to stop before.
    """
    return _REMOVE_FILES if changed_ids(old, stopped) else PUSH_FILES


def push_lines(files: PushFiles) -> tuple[str, str]:
    """Return the commands of a push as somebody would type them."""
    return f"{shlex.join(files.diff_command)} > {files.patch}", shlex.join(files.push_command)


def read_cib(machine: Machine) -> etree._Element:
    """Return the live CIB.

    Raises:
        ProgramError: pcs cannot get it.
        ClusterError: What pcs gives is no XML.
    """
    return _read(machine, "pcs", "cluster", "cib")


def _read(machine: Machine, *command: str) -> etree._Element:
    result = machine.runner.run(*command, timeout=_TIMEOUT)
    try:
        return etree.fromstring(result.stdout.encode())
    except etree.XMLSyntaxError as error:
        raise ClusterError(f"`{' '.join(command)}` gave no CIB: {error}") from None


def check(machine: Machine, new: etree._Element) -> None:
    """Check a CIB against the schema of the installed Pacemaker, if there is one.

    Args:
        machine: This machine.
        new: The CIB.

    Raises:
        InvalidCib: The schema rejects it.
    """
    if is_installed(machine.schemas):
        check_schema(new, machine.schemas)


def push(
    machine: Machine,
    old: etree._Element,
    new: etree._Element,
    names: PushFiles = PUSH_FILES,
) -> Pushed:
    """Check a changed CIB against the installed schema and push the difference, atomically.

    What others have changed since `old` was read stays, unless it is of the same object: then
    nothing is pushed. Nor is a difference of nothing.

    Args:
        machine: This machine.
        old: The live CIB as it was read.
        new: What it shall be.
        names: How the files are called that the two commands read and write.

    Raises:
        InvalidCib: The schema rejects the new CIB; nothing was pushed.
        ChangedMeanwhile: Somebody has changed the same objects; nothing was pushed.
        PushUncertain: The cluster did not answer.
        ProgramError: It could not be pushed; nothing was changed.
    """
    check(machine, new)
    ours = changed_ids(old, new)
    if not ours:
        epoch = int(old.get("epoch", "0"))
        return Pushed(epoch, epoch)
    # Its mode is 0700: a CIB may say more than everybody should know.
    with tempfile.TemporaryDirectory(prefix="takeover-") as folder:
        files = names.below(Path(folder))
        files.old.write_text(to_text(old))
        files.new.write_text(to_text(new))
        made = machine.runner.run(*files.diff_command, timeout=_TIMEOUT, ok=_DIFFERENT)
        patch = etree.fromstring(made.stdout.encode())
        for _ in range(_ATTEMPTS):
            live = _read(machine, *_QUERY)
            taken = same_objects(ours, changed_ids(old, live))
            if taken:
                raise ChangedMeanwhile(taken)
            pushed = _stamp(patch, live)
            files.patch.write_text(to_text(patch))
            if _push_once(machine, files.push_command):
                return pushed
            machine.sleep(_PAUSE)
    raise ClusterError(
        f"the configuration changed {_ATTEMPTS} times while the change was being pushed: nothing "
        "was changed. Run it again when the cluster is less busy"
    )


def _push_once(machine: Machine, command: tuple[str, ...]) -> bool:
    """Push, and return whether the live CIB still had the version that the patch is for."""
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
    """Make a patch fit only the live CIB's present version."""
    epoch = int(live.get("epoch", "0"))
    versions = {
        "source": (epoch, live.get("num_updates", "0")),
        "target": (epoch + 1, "0"),
    }
    for name, (number, updates) in versions.items():
        version = patch.find(f"version/{name}")
        if version is None:
            raise ClusterError("crm_diff gave no patch of format 2 with versions")
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
    """Return a live CIB without a change: what others have changed meanwhile stays.

    Args:
        machine: This machine.
        live: The live CIB; it is not modified.
        before: The CIB before the change.
        after: The CIB after it.

    Raises:
        ClusterError: Something that would be changed back is no longer there.
        ProgramError: crm_diff is missing.
    """
    if not changed_ids(before, after):
        return live
    with tempfile.TemporaryDirectory(prefix="takeover-") as folder:
        files = PushFiles(Path("after.xml"), Path("before.xml"), Path("back.xml"))
        files = files.below(Path(folder))
        files.old.write_text(to_text(after))
        files.new.write_text(to_text(before))
        # Without versions it can be applied to whatever the CIB is now.
        back = machine.runner.run(
            *files.diff_command, "--no-version", timeout=_TIMEOUT, ok=_DIFFERENT
        )
        files.patch.write_text(back.stdout)
        files.old.write_text(to_text(live))
        result = machine.runner.run(
            *("crm_diff", "--original", str(files.old), "--patch", str(files.patch)),
            timeout=_TIMEOUT,
            hint="Something that it would change back is no longer there: it was changed with "
            "pcs since. Nothing was changed",
        )
    cib = etree.fromstring(result.stdout.encode())
    for name in ("admin_epoch", "epoch", "num_updates"):
        cib.set(name, live.get(name, "0"))
    return cib


def cleanup_command(resource: str, kind: ResourceKind) -> tuple[str, ...]:
    """Return the command that makes Pacemaker forget a resource's failures, on all nodes.

    Args:
        resource: Its ID.
        kind: Whether it is a resource or a fencing device, in pcs's words.
    """
    return ("pcs", kind, "cleanup", resource)


def cleanup(machine: Machine, resource: str, kind: ResourceKind) -> None:
    """Make Pacemaker forget a resource's failures and try again.

    Args:
        machine: This machine.
        resource: Its ID.
        kind: As `cleanup_command`.

    Raises:
        ProgramError: pcs could not do it.
    """
    machine.runner.run(
        *cleanup_command(resource, kind),
        timeout=_TIMEOUT,
        hint="The configuration was pushed; only the old failures are still there",
    )


def wait_command(timeout: int) -> tuple[str, ...]:
    """Return the command that waits until the cluster has nothing left to do.

    Args:
        timeout: For how long at most, in seconds.
    """
    return ("crm_resource", "--wait", f"--timeout={timeout}")


def wait_for_pacemaker(machine: Machine, timeout: int) -> bool:
    """Wait until the cluster has nothing left to do.

    Args:
        machine: This machine.
        timeout: For how long at most, in seconds.

    Returns:
        Whether it has; otherwise it is still busy, or waits for something itself.

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
        UsageError: The file cannot be read, or is no CIB.
    """
    right = "the file must be a whole CIB, as `pcs cluster cib FILE` writes it"
    try:
        root = etree.fromstring(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; {right}") from None
    except etree.XMLSyntaxError as error:
        raise UsageError(f"{file}: is not XML: {error}; {right}") from None
    if root.tag != "cib":
        raise UsageError(f"{file}: is not a CIB but <{root.tag!s}>; {right}")
    return root
