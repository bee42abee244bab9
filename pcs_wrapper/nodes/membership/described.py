"""What the description says of a node that leaves the cluster, and changing it in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cib_templates.errors import DescriptionError
from cib_templates.reading.editing import Edited, without_node
from cib_templates.reading.reading import description_text, parse_description, read_description
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.files import replace_text
from pcs_wrapper.pacemaker.corosync import ClusterConfig


@dataclass(frozen=True)
class Edit:
    """A change of the description, before it is made.

    Attributes:
        file: The file.
        edited: Its text afterwards, and what is changed in it.
        problem: Why it cannot be made by itself, as the rest would be no description; empty if it
            can.
    """

    file: Path
    edited: Edited
    problem: str = ""


def removal_of(file: Path, node: str, config: ClusterConfig) -> Edit:
    """Find out how a description has to be changed for a node that leaves; nothing is changed.

    Args:
        file: The description's file.
        node: The node's name.
        config: The configuration of the cluster.

    Raises:
        DescriptionError: The file has mistakes as it is.
        ClusterError: It describes another cluster.
    """
    described = read_description(file).cluster.name
    if described != config.name:
        raise ClusterError(
            f"{file} describes the cluster {described!r}, and this one is {config.name!r}. Nothing "
            "was changed"
        )
    edited = without_node(description_text(file), node)
    try:
        parse_description(edited.text, file)
    except DescriptionError as error:
        return Edit(file, edited, f"{error}")
    return Edit(file, edited)


@dataclass(frozen=True)
class EditDescription(Step):
    """Change the description in place.

    Attributes:
        edit: The change.
    """

    edit: Edit
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"taking out of {self.edit.file}: {', '.join(self.edit.edited.what)}"

    def run(self, run: Run) -> None:
        """Write it, unless it was changed meanwhile."""
        try:
            replace_text(self.edit.file, self.edit.edited.text)
        except OSError as error:
            run.harm.append(
                f"{self.edit.file} cannot be written: {error.strerror}. Take out of it: "
                f"{', '.join(self.edit.edited.what)}"
            )
