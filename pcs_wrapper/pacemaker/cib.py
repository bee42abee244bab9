"""Reading the live CIB, and pushing a change: all of it or nothing, and nothing of others' is lost.

`pcs cluster cib-push … diff-against=…` makes the difference with crm_diff and has cibadmin apply
it, whatever the CIB has become meanwhile: an edit of the same object is written over, without a
word. So the same two programs are run here, with the one thing that pcs leaves out: the version
that the difference belongs to. Pacemaker takes a patch only if the live CIB still has its
source version (lib/common/patchset.c, xml_patch_version_check), so nothing can come between a look
and the push.
"""

from __future__ import annotations

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


@dataclass(frozen=True)
class Pushed:
    """Where a push came to lie in the configuration's history.

    Attributes:
        before: The live CIB's epoch that the push was made on.
        after: The epoch that it made.
    """

    before: int
    after: int


def push_commands(old: Path, new: Path, patch: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the commands that make the difference, and that push it: others' changes stay.

    Args:
        old: File with the CIB that the change was made from.
        new: File with the changed CIB.
        patch: File for the difference, which the first command prints.
    """
    return (
        ("crm_diff", "--original", str(old), "--new", str(new)),
        ("cibadmin", "--patch", "--xml-file", str(patch)),
    )


def push_lines(old: Path, new: Path, patch: Path) -> tuple[str, str]:
    """Return the same commands as somebody would type them."""
    diff, push = push_commands(old, new, patch)
    return f"{' '.join(diff)} > {patch}", " ".join(push)


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


def push(machine: Machine, old: etree._Element, new: etree._Element) -> Pushed:
    """Check a changed CIB against the installed schema and push the difference, atomically.

    What others have changed since `old` was read stays, unless it is of the same object: then
    nothing is pushed. Nor is a difference of nothing.

    Args:
        machine: This machine.
        old: The live CIB as it was read.
        new: What it shall be.

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
        files = [Path(folder) / name for name in ("old.xml", "new.xml", "patch.xml")]
        files[0].write_text(to_text(old))
        files[1].write_text(to_text(new))
        diff, push_it = push_commands(files[0], files[1], files[2])
        patch = etree.fromstring(
            machine.runner.run(*diff, timeout=_TIMEOUT, ok=_DIFFERENT).stdout.encode()
        )
        for _ in range(_ATTEMPTS):
            live = _read(machine, *_QUERY)
            taken = same_objects(ours, changed_ids(old, live))
            if taken:
                raise ChangedMeanwhile(taken)
            pushed = _stamp(patch, live)
            files[2].write_text(to_text(patch))
            if _push_once(machine, push_it):
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
        files = [Path(folder) / name for name in ("after.xml", "before.xml", "patch.xml")]
        files[0].write_text(to_text(after))
        files[1].write_text(to_text(before))
        diff, _ = push_commands(*files)
        # Without versions it can be applied to whatever the CIB is now.
        patch = machine.runner.run(*diff, "--no-version", timeout=_TIMEOUT, ok=_DIFFERENT)
        files[2].write_text(patch.stdout)
        files[0].write_text(to_text(live))
        result = machine.runner.run(
            *("crm_diff", "--original", str(files[0]), "--patch", str(files[2])),
            timeout=_TIMEOUT,
            hint="Something that it would change back is no longer there: it was changed with "
            "pcs since. Nothing was changed",
        )
    cib = etree.fromstring(result.stdout.encode())
    for name in ("admin_epoch", "epoch", "num_updates"):
        cib.set(name, live.get(name, "0"))
    return cib


def cleanup_command(resource: str, kind: Literal["resource", "stonith"]) -> tuple[str, ...]:
    """Return the command that makes Pacemaker forget a resource's failures, on all nodes.

    A start that failed keeps a resource from that node for good (Pacemaker Explained, "Failure
    Response"), even if it has been corrected since. Of what leaves the configuration, see
    `leftovers`.

    Args:
        resource: Its ID.
        kind: Whether it is a resource or a fencing device, in pcs's words.
    """
    return ("pcs", kind, "cleanup", resource)


def cleanup(machine: Machine, resource: str, kind: Literal["resource", "stonith"]) -> None:
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
