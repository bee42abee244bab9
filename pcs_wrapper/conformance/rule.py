"""What a rule is: a sentence that can be cited, and a check that finds out whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from pcs_wrapper.conformance.findings import AgentFinding, Fault, Weight
from pcs_wrapper.conformance.laboratory import Laboratory

# Where rules come from; a rule names the section.
API = "OCF RA API 1.1, "
PACEMAKER = 'Pacemaker Administration, "Resource Agents", '


class Needs(Enum):
    """What a rule does to the machine."""

    NOTHING = "nothing"  # asks for meta-data, validates, or calls the agent wrongly
    STOPS = "stops"  # stops or monitors a resource that does not run
    STARTS = "starts"  # starts and stops the resource: all required parameters must be given


Check = Callable[[Laboratory], Iterator[Fault]]


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        id: What it is called on the command line.
        sentence: The rule itself.
        source: Document and section that it comes from.
        weight: How much it weighs.
        needs: What it does to the machine.
        check: Finds the faults; raises Skipped.
    """

    id: str
    sentence: str
    source: str
    weight: Weight
    needs: Needs
    check: Check

    def findings(self, lab: Laboratory) -> Iterator[AgentFinding]:
        """Apply the rule to an agent, and yield what is wrong with it.

        Raises:
            Skipped: It cannot be applied here, or not any further.
        """
        for fault in self.check(lab):
            yield AgentFinding(
                code=self.id,
                severity=self.weight.severity,
                path=(),
                message=fault.found,
                hint=fault.right,
                outcome=fault.outcome,
            )


@dataclass
class Chapter:
    """The rules about one subject, in the order in which they are applied.

    A rule is a function that yields faults; its docstring is the rule's sentence.

    Attributes:
        title: The subject.
        needs: What its rules do to the machine if they do not say otherwise.
        rules: The rules.
    """

    title: str
    needs: Needs
    rules: list[Rule] = field(default_factory=list)

    def must(
        self, identity: str, source: str, needs: Needs | None = None
    ) -> Callable[[Check], Check]:
        """Return a decorator that adds a rule which no agent may break."""
        return self._add(identity, source, needs, Weight.MUST)

    def should(
        self, identity: str, source: str, needs: Needs | None = None
    ) -> Callable[[Check], Check]:
        """Return a decorator that adds a rule which there may be a reason to break."""
        return self._add(identity, source, needs, Weight.SHOULD)

    def _add(
        self, identity: str, source: str, needs: Needs | None, weight: Weight
    ) -> Callable[[Check], Check]:
        def add(check: Check) -> Check:
            sentence = (check.__doc__ or "").strip()
            self.rules.append(Rule(identity, sentence, source, weight, needs or self.needs, check))
            return check

        return add
