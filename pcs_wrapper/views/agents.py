"""The results of the conformance test, as JSON for programs.

conformance/report.py makes the text for users.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pcs_wrapper.conformance.report import is_good
from pcs_wrapper.conformance.rules import CHAPTERS
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.conformance.action import Outcome
    from pcs_wrapper.conformance.checking import Result
    from pcs_wrapper.conformance.laboratory import Laboratory
    from pcs_wrapper.views.contract import agents as contract


def rules_json() -> str:
    """Return the rules of the conformance test as JSON."""
    from pcs_wrapper.views.contract import agents as contract

    return output_json(
        contract.Rules(
            rules=[
                contract.Rule(
                    chapter=chapter.title,
                    rule=rule.id,
                    sentence=rule.sentence,
                    source=rule.source,
                    severity=rule.weight.value,
                )
                for chapter in CHAPTERS
                for rule in chapter.rules
            ]
        )
    )


def agents_check_json(lab: Laboratory, results: Sequence[Result], *, strict: bool) -> str:
    """Return the results of testing an agent as JSON, without the values of parameters."""
    from pcs_wrapper.views.contract import agents as contract

    described = lab.described
    count = Counter(result.verdict.value for result in results)
    return output_json(
        contract.AgentsCheck(
            agent=str(lab.agent),
            version=described.version if described else None,
            judged_by=described.judged_by if described else None,
            parameters=sorted(lab.parameters),
            good=is_good(results, strict=strict),
            summary=contract.Summary(
                ok=count["ok"],
                failed=count["failed"],
                advice=count["advice"],
                skipped=count["skipped"],
            ),
            results=[
                contract.Result(
                    chapter=result.chapter,
                    rule=result.rule.id,
                    sentence=result.rule.sentence,
                    source=result.rule.source,
                    severity=result.rule.weight.value,
                    verdict=result.verdict.value,
                    why=result.why,
                    seconds=round(result.seconds, 3),
                    faults=[
                        contract.Fault(
                            found=each.message, right=each.hint, ran=_run_record(each.outcome)
                        )
                        for each in result.findings
                    ],
                )
                for result in results
            ],
        )
    )


def _run_record(outcome: Outcome | None) -> contract.Run | None:
    from pcs_wrapper.views.contract import agents as contract

    if outcome is None:
        return None
    return contract.Run(
        command=outcome.ran,
        exit_code=outcome.code,
        ended=outcome.ended,
        seconds=round(outcome.seconds, 3),
        stdout=outcome.stdout.decode(errors="replace"),
        stderr=outcome.stderr,
    )
