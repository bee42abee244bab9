"""What a conformance test found as JUnit XML, which every CI can show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from lxml import etree

from pcs_wrapper.conformance.checking import Result, Verdict
from pcs_wrapper.conformance.report import finding_text, is_good
from pcs_wrapper.machine.files import write_private
from pcs_wrapper.machine.terminal import printable

if TYPE_CHECKING:
    from pathlib import Path

    from pcs_wrapper.conformance.laboratory import Laboratory


def write_junit(file: Path, lab: Laboratory, results: Sequence[Result], *, strict: bool) -> None:
    """Write what was found as JUnit XML, a suite for each group of rules.

    A rule that only says "should" fails there if the test is strict, else it is in system-out.

    Raises:
        OSError: The file cannot be written.
    """
    root = etree.Element("testsuites", name=f"takeover agents check {lab.agent.name}")
    _count(root, results, strict=strict)
    for title, group in groupby(results, key=lambda result: result.chapter):
        chapter = list(group)
        suite = etree.SubElement(root, "testsuite", name=title)
        _count(suite, chapter, strict=strict)
        for result in chapter:
            _add_case(suite, lab.agent.name, result, strict=strict)
    tree = etree.ElementTree(root)
    text = etree.tostring(tree, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    write_private(file, text.decode(), mode=0o644)


def _add_case(suite: etree._Element, agent: str, result: Result, *, strict: bool) -> None:
    case = etree.SubElement(
        suite,
        "testcase",
        name=f"{result.rule.id}: {result.rule.sentence}",
        classname=f"{agent}.{result.rule.id}",
        time=f"{result.seconds:.3f}",
    )
    if result.verdict is Verdict.SKIPPED:
        etree.SubElement(case, "skipped", message=printable(result.why))
    elif result.findings:
        lines = [line for finding in result.findings for line in finding_text(finding)]
        text = printable("\n".join([result.rule.source, *lines]))
        if is_good([result], strict=strict):
            etree.SubElement(case, "system-out").text = text
        else:
            message = printable(result.findings[0].message)
            kind = result.rule.weight.value
            etree.SubElement(case, "failure", message=message, type=kind).text = text


def _count(element: etree._Element, results: Sequence[Result], *, strict: bool) -> None:
    """Set the attributes that sum results up."""
    failed = sum(not is_good([result], strict=strict) for result in results)
    skipped = sum(result.verdict is Verdict.SKIPPED for result in results)
    element.set("tests", str(len(results)))
    element.set("failures", str(failed))
    element.set("errors", "0")
    element.set("skipped", str(skipped))
    element.set("time", f"{sum(result.seconds for result in results):.3f}")
