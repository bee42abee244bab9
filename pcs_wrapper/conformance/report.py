"""What a conformance test found, as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pcs_wrapper.conformance.checking import Result, Verdict
from pcs_wrapper.conformance.rules import CHAPTERS
from pcs_wrapper.machine.terminal import style

if TYPE_CHECKING:
    from pcs_wrapper.conformance.findings import AgentFinding
    from pcs_wrapper.conformance.laboratory import Laboratory

COLOURS = {
    Verdict.OK: "green",
    Verdict.FAILED: "red",
    Verdict.ADVICE: "yellow",
    Verdict.SKIPPED: "cyan",
}
MOST_FINDINGS = 3  # of one rule, in text
MOST_LINES = 6  # of an action's output, in text


def heading(lab: Laboratory) -> Iterator[str]:
    """Say what is judged by which rules."""
    described = lab.described
    if described is None:
        yield f"{lab.agent}: its meta-data cannot be read"
        return
    declared = f"declares version {described.version or '(none)'} of the OCF RA API"
    yield f"{lab.agent}: {declared}, and is judged by {described.judged_by}"
    if described.judged_by == "1.0":
        yield (
            "  1.0 has no unique-group, reloadable, deprecated and reload-agent; how an agent has "
            "to behave is the same"
        )


def result_text(result: Result) -> Iterator[str]:
    """Say what a rule found: a line, and more for what is wrong."""
    word = result.verdict.name if result.verdict is Verdict.FAILED else result.verdict.value
    verdict = style(f"{word:7}", fg=COLOURS[result.verdict])
    yield f"  {verdict}  {result.rule.id}: {result.rule.sentence}"
    if result.why:
        yield f"             {result.why}"
    if result.findings:
        yield f"             {result.rule.weight.value}: {result.rule.source}"
    for finding in result.findings[:MOST_FINDINGS]:
        yield from (f"           {line}" for line in finding_text(finding))
    if len(result.findings) > MOST_FINDINGS:
        more = len(result.findings) - MOST_FINDINGS
        yield f"           … and {more} more like these (--json shows all)"


def summary(results: Sequence[Result]) -> str:
    """Count what was found."""
    count = Counter(result.verdict for result in results)
    return ", ".join(f"{count[verdict]} {verdict.value}" for verdict in Verdict)


def is_good(results: Sequence[Result], *, strict: bool) -> bool:
    """Tell whether nothing failed; if strict, nothing that "should" be either."""
    bad = {Verdict.FAILED, Verdict.ADVICE} if strict else {Verdict.FAILED}
    return not any(result.verdict in bad for result in results)


def list_text() -> Iterator[str]:
    """List the rules."""
    for chapter in CHAPTERS:
        yield f"{chapter.title}:"
        for rule in chapter.rules:
            yield f"  {rule.id}: {rule.sentence}"
            yield f"      {rule.weight.value}; {rule.source}; does: {rule.needs.value}"


def finding_text(finding: AgentFinding) -> Iterator[str]:
    """Say what is wrong: what was run, what it said, and what would be right."""
    yield f"- {finding.message}"
    done = finding.outcome
    if done is not None:
        yield f"  ran: {done.ran}"
        output = done.stdout.decode(errors="replace") if done.action != "meta-data" else ""
        for name, text in (("stdout", output), ("stderr", done.stderr)):
            lines = text.splitlines()
            for line in lines[:MOST_LINES]:
                yield f"  {name}: {line}"
            if len(lines) > MOST_LINES:
                yield f"  {name}: … and {len(lines) - MOST_LINES} more lines"
    yield f"  right: {finding.hint}"
