"""What the description says of a node that comes or goes, and changing it in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cib_templates.errors import DescriptionError
from cib_templates.model.description import Description
from cib_templates.reading.editing import Edited, with_node, with_other_node, without_node
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
        problem: Why it cannot be made by itself, as the result would be no description; empty if it
            can.
        how: What is done with the file.
        before: The text of the file, of which the change was made.
    """

    file: Path
    edited: Edited
    problem: str = ""
    how: Literal["adding to", "taking out of", "changing in"] = "taking out of"
    before: str = ""

    @property
    def clause(self) -> str:
        """What is done to the file, without what it is done with."""
        return f"{self.how} {self.file}"


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
    _read(file, config)
    before = description_text(file)
    return _edit(Edit(file, without_node(before, node), before=before))


def described_links(file: Path, node: str, config: ClusterConfig) -> tuple[str, ...]:
    """Return the addresses that a description has for a node; none if it has no such node.

    Args:
        file: The description's file.
        node: The node's name.
        config: The configuration of the cluster.

    Raises:
        DescriptionError: The file has mistakes.
        ClusterError: It describes another cluster.
    """
    described = _read(file, config).nodes.get(node)
    return () if described is None else tuple(str(link) for link in described.links)


def addition_of(file: Path, node: str, links: Sequence[str]) -> Edit:
    """Find out how a description has to be changed for a node that comes; nothing is changed.

    Args:
        file: The description's file.
        node: The node's name.
        links: Its addresses.
    """
    before = description_text(file)
    return _edit(Edit(file, with_node(before, node, links), how="adding to", before=before))


def replacement_of(file: Path, old: str, new: str, links: Sequence[str]) -> Edit:
    """Find out how a description changes when a node takes another one's place.

    Args:
        file: The description's file.
        old: The name of the node that leaves.
        new: The name of the one that comes.
        links: Its addresses.
    """
    before = description_text(file)
    edited = with_other_node(before, old, new, links)
    if edited is None:
        what = Edited(before, (f"{old} → {new}, and its addresses",))
        return Edit(file, what, f"{old} is written in it in a way that is not found for sure")
    return _edit(Edit(file, edited, how="changing in", before=before))


def _read(file: Path, config: ClusterConfig) -> Description:
    description = read_description(file)
    described = description.cluster.name
    if described != config.name:
        raise ClusterError(
            f"{file} describes the cluster {described!r}, and this one is {config.name!r}. Nothing "
            "was changed"
        )
    return description


def _edit(edit: Edit) -> Edit:
    try:
        parse_description(edit.edited.text, edit.file)
    except DescriptionError as error:
        return replace(edit, problem=f"{error}")
    return edit


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
        return f"{self.edit.clause}: {', '.join(self.edit.edited.what)}"

    def run(self, run: Run) -> None:
        """Write it, unless it was changed meanwhile."""
        file, why = self.edit.file, ""
        try:
            if description_text(file) == self.edit.before:
                replace_text(file, self.edit.edited.text)
            else:
                why = "was changed meanwhile, and is left as it is"
        except OSError as error:
            why = f"cannot be written: {error.strerror}"
        except DescriptionError as error:
            why = f"cannot be read any more: {error}"
        if why:
            run.harm.append(
                f"{file} {why}. What is missing is {self.edit.clause}: "
                f"{', '.join(self.edit.edited.what)}"
            )
