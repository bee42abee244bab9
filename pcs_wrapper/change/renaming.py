"""`takeover service rename`: another name for a service, in its description and in the cluster.

To the cluster it is a new service, so it is an apply: what the old one has passes to the new one
when it has stopped. The description is changed when the cluster has taken the new name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cib_templates.errors import DescriptionError
from cib_templates.model.description import Description
from cib_templates.reading.editing import Edited, with_new_name
from cib_templates.reading.reading import description_text, parse_description
from pcs_wrapper.errors import ClusterError, UsageError
from pcs_wrapper.machine.files import replace_text

# A key that needs no quotes (TOML, "Keys"), which a service's name is.
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Renamed:
    """A description in which a service has another name.

    Attributes:
        file: The description's file.
        edited: Its text, and what is changed in it.
        description: What it says then.
        before: The text of the file as it was.
    """

    file: Path
    edited: Edited
    description: Description
    before: str

    def write(self) -> None:
        """Change the description's file, unless it was changed meanwhile.

        Raises:
            ClusterError: It is not written, but the cluster has taken the new name.
        """
        why = "was changed meanwhile, and is left as it is"
        try:
            if description_text(self.file) == self.before:
                replace_text(self.file, self.edited.text)
                return
        except OSError as error:
            why = f"cannot be written: {error.strerror}"
        except DescriptionError as error:
            why = f"cannot be read any more: {error}"
        raise ClusterError(
            f"the cluster has taken the new name, but {self.file} {why}. Change in it: "
            f"{', '.join(self.edited.what)}"
        )


def renamed(file: Path, old: str, new: str) -> Renamed:
    """Return a description with another name for a service; nothing is changed.

    Args:
        file: The description's file.
        old: The service's name.
        new: Its new name.

    Raises:
        DescriptionError: The description has mistakes, as it is or with the new name.
        UsageError: It has no such service, or one with the new name, or cannot be edited in place.
    """
    text = description_text(file)
    services = parse_description(text, file).services
    if old not in services:
        raise UsageError(
            f"{file}: describes no service {old!r}; its services are {', '.join(services)}"
        )
    if new in services:
        raise UsageError(f"{file}: describes a service {new!r} already")
    if not _BARE.fullmatch(new):
        raise UsageError(
            f"{new!r} cannot be the name of a service: letters, digits, hyphens and underscores can"
        )
    edited = with_new_name(text, old, new)
    if edited is None:
        raise UsageError(
            f"{file}: the service {old} has no table [services.{old}] of its own. Change its name "
            "in the file yourself, then run takeover apply"
        )
    try:
        description = parse_description(edited.text, file)
    except DescriptionError as error:
        raise UsageError(f"{new!r} cannot be the name of a service: {error}") from None
    return Renamed(file, edited, description, text)
