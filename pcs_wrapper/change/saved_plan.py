"""A plan in a file, so that exactly the change that somebody has looked at is applied, or nothing.

The file contains the description, the CIB that the plan was made from, and the CIB after the
change. These may contain secrets, so only the owner of the file can read it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from cib_templates.cib.record import configuration_digest
from cib_templates.cib.secrecy.masking import places
from cib_templates.cib.text import parse_cib, to_text
from cib_templates.comparing.diff import diff
from cib_templates.model.description import Description
from cib_templates.reading.reading import parse_description, read_description
from pcs_wrapper.errors import ClusterError, UsageError
from pcs_wrapper.machine.files import LARGEST_CIB, read_private, write_private

_FORMAT = "takeover-plan-1"
# The parts of a CIB's version that matter to a plan: num_updates also counts changes of the status.
_VERSION = ("admin_epoch", "epoch")


@dataclass(frozen=True)
class SavedPlan:
    """The content of a saved plan.

    Attributes:
        source: The path of the description when the plan was made.
        description: The text of the description.
        version: The `admin_epoch` and the `epoch` of the live CIB, with a dot between them.
        digest: The digest of the configuration in the live CIB.
        result: The digest of the configuration after the change.
        old: The live CIB, as text.
        new: The CIB after the change, as text.
    """

    source: str
    description: str
    version: str
    digest: str
    result: str
    old: str
    new: str

    def read_description(self) -> Description:
        """Return the description.

        Raises:
            DescriptionError: This version of Takeover finds mistakes in it.
        """
        return parse_description(self.description, Path(self.source))

    def exposure(self, file: Path) -> str:
        """Return a sentence that others can read the secrets in it; "" if there is none to say.

        Args:
            file: Where it was read from.
        """
        if not file.stat().st_mode & 0o077:
            return ""
        found = dict.fromkeys(
            place for cib in (self.old, self.new) for place in places(parse_cib(cib))
        )
        if not found:
            return ""
        return (
            f"{file}: not only its owner can read the secrets in it: {', '.join(found)}. Run: "
            f"chmod 600 {file}, and change them if somebody may have read them"
        )

    def check(self, live: etree._Element, new: etree._Element) -> None:
        """Check that an apply would make the same change as the plan.

        Changes of the status are ignored.

        Args:
            live: The live CIB, from which the push is made.
            new: The CIB after the push.

        Raises:
            ClusterError: The live configuration, or the configuration after the push, differs from
                that of the plan. The message names the differences.
        """
        if configuration_digest(live) != self.digest:
            found = diff(parse_cib(self.old), live).differences
            changes = ", ".join(f"{each.what} {each.name} {each.change}" for each in found)
            raise ClusterError(
                "the cluster's configuration has changed since the plan was made (CIB "
                f"{self.version}, now {_version(live)}): {changes or 'its XML'}. Nothing was "
                f"changed. Look at a new plan: takeover plan {self.source}"
            )
        if configuration_digest(new) != self.result:
            raise ClusterError(
                "the description now makes another configuration than when the plan was made: a "
                "file that it refers to, or Takeover itself, has changed. Nothing was changed. "
                f"Look at a new plan: takeover plan {self.source}"
            )


def save(
    file: Path, source: Path, description: str, old: etree._Element, new: etree._Element
) -> None:
    """Write a plan to a file of mode 0600, completely or not at all.

    Args:
        file: The file, which is replaced if it exists.
        source: The path of the description.
        description: The text of the description that the plan was made from.
        old: The live CIB.
        new: The CIB after the change.

    Raises:
        UsageError: The file cannot be written.
    """
    plan = SavedPlan(
        source=str(source.absolute()),
        description=description,
        version=_version(old),
        digest=configuration_digest(old),
        result=configuration_digest(new),
        old=to_text(old),
        new=to_text(new),
    )
    text = json.dumps({"format": _FORMAT, **asdict(plan)}, indent=1, ensure_ascii=False)
    try:
        write_private(file, f"{text}\n")
    except OSError as error:
        raise UsageError(f"{file}: the plan cannot be written: {error.strerror}") from None


def is_saved_plan(file: Path) -> bool:
    """Return whether a file is a saved plan: it begins with a brace, which no description does."""
    try:
        # A pipe can be read only once, and a plan that was saved is none.
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            return stream.read(1) == b"{"
    except (OSError, ValueError):
        return False


def read(file: Path) -> tuple[Description, SavedPlan | None]:
    """Read a description, or a saved plan with the description that it was made from.

    Args:
        file: A description or a saved plan.

    Returns:
        The description, and the saved plan; None if the file is a description.

    Raises:
        DescriptionError: The description has mistakes.
        UsageError: The plan cannot be read.
    """
    if not is_saved_plan(file):
        return read_description(file), None
    plan = load(file)
    return plan.read_description(), plan


def load(file: Path) -> SavedPlan:
    """Read a saved plan.

    Raises:
        UsageError: The file cannot be read, or is not a saved plan.
    """
    hint = "make it with: takeover plan FILE --out PLAN"
    try:
        data: dict[str, Any] = json.loads(read_private(file, 2 * LARGEST_CIB, may_be_read=True))
        if data.pop("format") != _FORMAT:
            raise UsageError(f"{file}: is a plan of another version of Takeover; {hint}")
        if not all(isinstance(value, str) for value in data.values()):
            raise UsageError(f"{file}: is not a whole plan; {hint}")
        plan = SavedPlan(**data)
        parse_cib(plan.old)
        parse_cib(plan.new)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; {hint}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{file}: is not a whole plan; {hint}") from None
    return plan


def _version(cib: etree._Element) -> str:
    return ".".join(cib.get(name, "?") for name in _VERSION)
