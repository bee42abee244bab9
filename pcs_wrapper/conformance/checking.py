"""Applying the rules to an agent, one after the other."""

from __future__ import annotations

import difflib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree

from pcs_wrapper.conformance.codes import ERR_PERM, SUCCESS
from pcs_wrapper.conformance.described import read
from pcs_wrapper.conformance.findings import AgentFinding, Skipped, Weight
from pcs_wrapper.conformance.rule import Chapter, Needs, Rule
from pcs_wrapper.conformance.rules import CHAPTERS
from pcs_wrapper.errors import UsageError

if TYPE_CHECKING:
    from pcs_wrapper.conformance.laboratory import Laboratory


class Verdict(Enum):
    """What a rule found."""

    OK = "ok"
    FAILED = "failed"
    ADVICE = "advice"  # a rule is broken that only says "should"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """What came of a rule.

    Attributes:
        chapter: The title of its chapter.
        rule: The rule.
        verdict: What it found.
        findings: What is wrong.
        why: Why it was skipped.
        seconds: How long it took.
    """

    chapter: str
    rule: Rule
    verdict: Verdict
    findings: tuple[AgentFinding, ...]
    why: str
    seconds: float


def find_agent(path: Path) -> Path:
    """Return the absolute path of an agent.

    Raises:
        UsageError: There is none.
    """
    if not path.exists():
        raise UsageError(f"{path}: there is no such file; agents are in /usr/lib/ocf/resource.d")
    if not path.is_file():
        raise UsageError(f"{path} is no file: name the agent itself, such as {path}/Dummy")
    if not path.stat().st_mode & 0o111:
        raise UsageError(f"{path} is not executable: chmod 755 {path}")
    return path.absolute()


def parse_parameters(given: Iterable[str]) -> dict[str, str]:
    """Return parameters by name.

    Args:
        given: Each as `name=value`.

    Raises:
        UsageError: One is not like that, or is given twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"-o {text}: must be name=value, such as -o ip=198.51.100.7")
        if name in found:
            raise UsageError(f"-o {text}: {name} is given twice")
        found[name] = value
    return found


def describe(lab: Laboratory) -> None:
    """Ask the agent for its meta-data and see that it has the parameters that are given.

    Meta-data that cannot be read is no error here: a rule will tell.

    Raises:
        UsageError: A parameter is given that it does not have, or it cannot be run.
    """
    try:
        asked = lab.act("meta-data")
    except OSError as error:
        raise UsageError(f"{lab.agent} cannot be run: {error.strerror}") from error
    if asked.code != SUCCESS:
        return
    try:
        lab.described = read(asked.stdout)
    except etree.XMLSyntaxError:
        return
    known = [parameter.name for parameter in lab.described.parameters]
    for name in lab.parameters:
        if name not in known:
            raise UsageError(
                f"-o {name}=…: {lab.agent.name} has no parameter {name}"
                + _meant(name, known, "it has")
            )


def choose(only: Collection[str], but: Collection[str]) -> Mapping[str, Chapter]:
    """Return the chapter of each rule that is to be applied.

    Args:
        only: The rules to apply; all if there are none.
        but: The rules not to apply.

    Raises:
        UsageError: There is no such rule.
    """
    every = {rule.id: chapter for chapter in CHAPTERS for rule in chapter.rules}
    for name in (*only, *but):
        if name not in every:
            raise UsageError(f"there is no rule {name}" + _meant(name, list(every), "there are"))
    return {
        name: chapter
        for name, chapter in every.items()
        if (name in only or not only) and name not in but
    }


def check(lab: Laboratory, chosen: Collection[str]) -> Iterator[Result]:
    """Apply rules, and tell of each as soon as it was applied.

    Args:
        lab: The agent, with its description.
        chosen: The rules to apply.
    """
    for chapter in CHAPTERS:
        for rule in chapter.rules:
            if rule.id in chosen:
                began = time.monotonic()
                verdict, findings, why = _apply(lab, rule)
                seconds = time.monotonic() - began
                yield Result(chapter.title, rule, verdict, findings, why, seconds)


def _apply(lab: Laboratory, rule: Rule) -> tuple[Verdict, tuple[AgentFinding, ...], str]:
    """Return the verdict, what was found, and why the rule was skipped."""
    before = len(lab.history)
    findings: list[AgentFinding] = []
    why = ""
    try:
        _see_that_it_is_allowed(lab, rule)
        findings.extend(rule.findings(lab))
    except Skipped as skipped:  # what was found before that counts nevertheless
        why = str(skipped)
    refused = any(done.code == ERR_PERM for done in lab.history[before:])
    if refused and not lab.is_root and rule.needs is not Needs.NOTHING:
        return Verdict.SKIPPED, (), "the agent needs root for this: run it with sudo"
    if findings:
        failed = rule.weight is Weight.MUST
        return Verdict.FAILED if failed else Verdict.ADVICE, tuple(findings), ""
    return (Verdict.SKIPPED, (), why) if why else (Verdict.OK, (), "")


def _see_that_it_is_allowed(lab: Laboratory, rule: Rule) -> None:
    """Raise Skipped if a rule would do what nobody has allowed."""
    if rule.needs is Needs.NOTHING:
        return
    missing = lab.missing()
    if rule.needs is Needs.STARTS and missing:
        wanted = " ".join(f"-o {name}=…" for name in missing)
        raise Skipped(f"it starts the resource, which needs {wanted}")
    problem = lab.probe_first()
    if problem and rule.id != "probe":
        raise Skipped(problem)


def _meant(name: str, known: list[str], there_are: str) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; {there_are}: {', '.join(known)}" if known else ""
