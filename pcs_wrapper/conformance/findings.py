"""What a rule finds in an agent: faults, or that the rule cannot be applied here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from cib_templates.findings import Finding, Severity

if TYPE_CHECKING:
    from pcs_wrapper.conformance.action import Outcome


class Weight(Enum):
    """How much a rule weighs."""

    MUST = "must"  # a cluster, or the data in it, suffers from an agent that breaks it
    SHOULD = "should"

    @property
    def severity(self) -> Severity:
        """How much a finding of such a rule weighs."""
        return Severity.ERROR if self is Weight.MUST else Severity.WARNING


@dataclass(frozen=True)
class Fault:
    """One way in which an agent breaks a rule, as the rule itself sees it.

    Attributes:
        found: What was found, in a few words.
        right: What would be right.
        outcome: The action that showed it, if it was one.
    """

    found: str
    right: str
    outcome: Outcome | None = None


@dataclass(frozen=True)
class AgentFinding(Finding):
    """A fault with the name of its rule, which is the code.

    Attributes:
        outcome: The action that showed it, if it was one.
    """

    outcome: Outcome | None = None


class Skipped(Exception):
    """The rule cannot be applied here; the message says why."""
