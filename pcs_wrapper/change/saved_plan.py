"""A plan in a file: what was looked at is what is applied, or nothing is.

The file has the description, the configuration that the plan was made from and the one that it
makes, and so whatever secrets these have: only its owner may read it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.comparing.diff import diff
from cib_templates.model.description import Description
from cib_templates.reading.reading import parse_description, read_description
from pcs_wrapper.errors import ClusterError, UsageError
from pcs_wrapper.machine.files import write_private

_FORMAT = "takeover-plan-1"
# What a CIB counts; num_updates counts the status, too, which is none of a plan's concern.
_VERSION = ("admin_epoch", "epoch")


@dataclass(frozen=True)
class SavedPlan:
    """A plan as it is saved.

    Attributes:
        source: The description's path when the plan was made.
        description: The description's text.
        version: `admin_epoch` and `epoch` of the live CIB, with a dot between.
        digest: Of the live CIB's configuration.
        result: Of the configuration that it shall be.
        old: The live CIB.
        new: What it shall be.
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
            DescriptionError: This version of Takeover does not take it any more.
        """
        return parse_description(self.description, Path(self.source))

    def check(self, live: etree._Element, new: etree._Element) -> None:
        """Check that the live configuration is still what the plan was made from, and the result.

        Changes of the status do not count.

        Args:
            live: The live CIB, the one that the push is made from.
            new: What it shall be.

        Raises:
            ClusterError: Either is another one; the message says what has changed.
        """
        if configuration_digest(live) != self.digest:
            found = diff(etree.fromstring(self.old), live).differences
            what = ", ".join(f"{each.what} {each.name} {each.change}" for each in found)
            raise ClusterError(
                "the cluster's configuration has changed since the plan was made (CIB "
                f"{self.version}, now {_version(live)}): {what or 'its XML'}. Nothing was changed. "
                f"Look at a new plan: takeover plan {self.source}"
            )
        if configuration_digest(new) != self.result:
            raise ClusterError(
                "what is described makes another configuration than when the plan was made: a "
                "file that it refers to, or Takeover itself, has changed. Nothing was changed. "
                f"Look at a new plan: takeover plan {self.source}"
            )


def save(
    file: Path, source: Path, description: str, old: etree._Element, new: etree._Element
) -> None:
    """Write a plan to a file of mode 0600, whole or not at all.

    Args:
        file: Where; what is there is replaced.
        source: The description's path.
        description: The description's text, as the plan was made from it.
        old: The live CIB.
        new: What it shall be.

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
    """Return whether a file is a saved plan, not a description: no TOML begins with a brace."""
    try:
        with file.open("rb") as stream:
            return stream.read(1) == b"{"
    except OSError:
        return False


def read(file: Path) -> tuple[Description, SavedPlan | None]:
    """Return the description that a file is, or that a saved plan was made from, with the plan.

    Args:
        file: A description or a saved plan.

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
        UsageError: The file cannot be read, or is none.
    """
    right = "make it with: takeover plan FILE --out PLAN"
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if data.pop("format") != _FORMAT:
            raise UsageError(f"{file}: is a plan of another version of Takeover; {right}")
        if not all(isinstance(value, str) for value in data.values()):
            raise UsageError(f"{file}: is not a whole plan; {right}")
        return SavedPlan(**data)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; {right}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{file}: is not a whole plan; {right}") from None


def configuration_digest(cib: etree._Element) -> str:
    """Return a digest of a CIB's configuration, whatever its indentation."""
    configuration = cib.find("configuration")
    if configuration is None:
        return ""
    bare = etree.fromstring(
        etree.tostring(configuration, with_tail=False), etree.XMLParser(remove_blank_text=True)
    )
    return hashlib.sha256(etree.tostring(bare, method="c14n")).hexdigest()


def _version(cib: etree._Element) -> str:
    return ".".join(cib.get(name, "?") for name in _VERSION)
