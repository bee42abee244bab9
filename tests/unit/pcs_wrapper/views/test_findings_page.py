"""Every finding and every error has a code, and the reference page says what it means."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

import cib_templates
import pcs_wrapper
from cib_templates.findings import Finding, FindingKind
from pcs_wrapper.conformance.rules import CHAPTERS
from pcs_wrapper.views.findings_page import declared, error_kinds, findings_page, modules
from tests.unit.cib_templates.conftest import EXAMPLE

PAGE = EXAMPLE.parents[1] / "docs" / "reference" / "findings.md"
ROOMS = [Path(str(package.__file__)).parent for package in (cib_templates, pcs_wrapper)]
SOURCES = {file: file.read_text() for room in ROOMS for file in sorted(room.rglob("*.py"))}
KINDS = {
    f"{module.__name__}.{name}": value
    for module in modules()
    for name, value in vars(module).items()
    if isinstance(value, FindingKind)
}
# Where findings are made: by their kinds, and by the rules of the conformance test.
MAKERS = {"FindingKind.at", "Rule.findings"}


def test_the_page_is_up_to_date() -> None:
    """Whoever changes a finding or an error runs script/reference."""
    assert PAGE.read_text() == findings_page()


def test_a_code_has_one_meaning() -> None:
    """Codes are words with hyphens, and none is used twice."""
    rules = [rule.id for chapter in CHAPTERS for rule in chapter.rules]
    codes = [kind.code for kind in KINDS.values()]
    errors = [kind.code for kind in error_kinds()]
    for each in (codes, errors, rules):
        assert [code for code, count in Counter(each).items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) for code in codes + errors)
    assert all(kind.meaning.endswith((".", "?")) for kind in KINDS.values())


def test_every_kind_of_finding_is_declared_on_the_page() -> None:
    """Whoever declares one elsewhere adds the module to the page."""
    declaring = {
        file
        for file, text in SOURCES.items()
        if re.search(r"^[A-Z_0-9]+ = (error|warning)\(", text, re.M)
    }
    assert declaring == {Path(str(module.__file__)) for module in modules()}
    assert sum(len(declared(module)) for module in modules()) == len(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_finding_is_used(name: str) -> None:
    """What nothing finds any more is taken off the page."""
    module, _, constant = name.rpartition(".")
    source = SOURCES[Path(str(importlib.import_module(module).__file__))]
    assert len(re.findall(rf"\b{constant}\b", source)) > 1


def test_no_finding_is_made_without_a_kind() -> None:
    """So that every code that is used is declared."""
    makers = set()
    for text in SOURCES.values():
        for scope in ast.walk(ast.parse(text)):
            if isinstance(scope, ast.ClassDef):
                makers |= {
                    f"{scope.name}.{function.name}"
                    for function in scope.body
                    if isinstance(function, ast.FunctionDef) and _makes_findings(function)
                }
    assert makers == MAKERS
    calls = sum(_count(ast.parse(text)) for text in SOURCES.values())
    assert calls == len(MAKERS)


def _makes_findings(function: ast.AST) -> bool:
    return bool(_count(function))


def _count(tree: ast.AST) -> int:
    names = (Finding.__name__, "AgentFinding")
    return sum(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize("kind", error_kinds(), ids=lambda kind: kind.code)
def test_every_error_is_in_the_tree_of_its_module(kind: type) -> None:
    """Whoever declares one draws it above."""
    assert f"─ {kind.__name__} " in str(importlib.import_module(kind.__module__).__doc__)


@pytest.mark.parametrize("kind", error_kinds(), ids=lambda kind: kind.code)
def test_every_error_says_what_to_do(kind: type) -> None:
    """Each class has a code, a hint and an exit code of its own or of what it is made of."""
    assert "code" in vars(kind)
    assert "hint" in vars(kind)
    assert kind.exit_code in (1, 2, 4, 130)  # type: ignore[attr-defined]
