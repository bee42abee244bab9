"""The steps that ask the nodes, before anything is changed, whether what is wanted is free."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from pcs_wrapper.change.judging import conflicts
from pcs_wrapper.change.judging.preconditions import require
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.pacemaker import survey


@dataclass(frozen=True)
class AskNodes(Step):
    """Ask every node that is online, and refuse the change if something is taken.

    Attributes:
        question: What they are asked.
        adopt: Whether what runs outside of the cluster is taken over as it is.
    """

    question: survey.Question
    adopt: bool
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        names = conflicts.names_of(self.question)
        return f"asking every node whether what {names} shall have is free"

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that put a survey into the cluster, which is probed, and take it out."""
        return survey.lines(self.question)

    def run(self, run: Run) -> None:
        """Ask them.

        Raises:
            NotApplicable: Something is taken; nothing was changed.
        """
        nodes = [
            node.name
            for node in run.known_state().nodes
            if node.online and not node.unclean and not node.pending
        ]
        answers = survey.ask(run.machine, self.question, nodes)
        require(run.machine, conflicts.found_in(answers, adopt=self.adopt))


@dataclass(frozen=True)
class TakeOutSurvey(Step):
    """Take a survey out of the cluster that an interrupted command has left there.

    Attributes:
        survey: Its ID.
    """

    survey: str

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "taking out the survey of a command that was interrupted"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that takes it out."""
        return (shlex.join(survey.delete_command(self.survey)),)

    def run(self, run: Run) -> None:
        """Take it out."""
        survey.delete(run.machine, self.survey)
