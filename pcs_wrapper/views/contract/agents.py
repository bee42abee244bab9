"""The JSON output of `takeover agents check`, the conformance test of resource agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record


class Rule(Record):
    """A rule of the conformance test."""

    chapter: str = Field(description="The title of the chapter that the rule belongs to.")
    rule: str = Field(description="The rule's name, as `--only` and `--skip` take it.")
    sentence: str = Field(description="The rule itself, in a sentence.")
    source: str = Field(description="The document and section that the rule comes from.")
    severity: Literal["must", "should"] = Field(
        description="How much the rule weighs. `must`: a cluster suffers from an agent that breaks "
        "it; `should`: there may be a reason to break it."
    )


class Rules(Output):
    """The rules of the conformance test."""

    rules: Sequence[Rule] = Field(description="The rules, in the order in which they are applied.")


class Run(Record):
    """An action of the agent that was run."""

    command: str = Field(
        description="The command, as a user would type it in the usual environment of an agent."
    )
    exit_code: int = Field(description="The action's exit code; negative if a signal ended it.")
    ended: str = Field(description="The way in which the action ended, in words.")
    seconds: float = Field(description="How long the action took, in seconds.")
    stdout: str = Field(description="What the action wrote to standard output.")
    stderr: str = Field(description="What the action wrote to standard error.")


class Fault(Record):
    """A way in which the agent breaks a rule."""

    found: str = Field(description="What was found.")
    right: str = Field(description="What would be right.")
    ran: Run | None = Field(
        description="The action that showed it; null if no action of the agent did."
    )


class Result(Rule):
    """The result of applying a rule."""

    verdict: Literal["ok", "failed", "advice", "skipped"] = Field(
        description="The result. `ok`: the agent keeps the rule; `failed`: it breaks a rule that "
        "says `must`; `advice`: it breaks a rule that says `should`; `skipped`: the rule was not "
        "applied."
    )
    why: str = Field(description="Why the rule was skipped; empty if it was applied.")
    seconds: float = Field(description="How long it took to apply the rule, in seconds.")
    faults: Sequence[Fault] = Field(description="The ways in which the agent breaks the rule.")


class Summary(Record):
    """A count of the results."""

    ok: int = Field(description="The number of rules that the agent keeps.")
    failed: int = Field(description="The number of broken rules that say `must`.")
    advice: int = Field(description="The number of broken rules that say `should`.")
    skipped: int = Field(description="The number of rules that were not applied.")


class AgentsCheck(Output):
    """The results of the conformance test of an agent."""

    agent: str = Field(description="The path of the agent.")
    version: str | None = Field(
        description="The version of the OCF Resource Agent API that its meta-data declares, empty "
        "if it declares none; null if its meta-data cannot be read."
    )
    judged_by: str | None = Field(
        description="The version of the API by which the agent was judged; null if its meta-data "
        "cannot be read."
    )
    parameters: Sequence[str] = Field(
        description="The names of the parameters that were given; their values are never shown."
    )
    good: bool = Field(
        description="Whether no rule has failed; with `--strict`, also whether there is no advice."
    )
    summary: Summary = Field(description="The number of rules with each result.")
    results: Sequence[Result] = Field(
        description="The result of each rule, in the order in which they were applied."
    )
