"""Which module needs which, over all packages of this project, however an arrow is hidden."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import grimp

CHECKOUT = Path(__file__).parents[3]
PACKAGES = ("ocf_agents", "cib_templates", "pcs_wrapper", "vagrant")
Arrows = Mapping[str, frozenset[str]]


@cache
def arrows() -> Arrows:
    """Return for each module those that it imports or names in a string.

    Imports inside functions and those for type checkers count as all others.
    """
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    files = {module: file_of(module) for module in graph.modules}
    return {
        module: frozenset(graph.find_modules_directly_imported_by(module))
        | frozenset(named_in_strings(file.read_text(), graph.modules) - {module})
        for module, file in files.items()
    }


def file_of(module: str) -> Path:
    """Return the file that a module, or a package, is loaded from."""
    path = CHECKOUT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def named_in_strings(source: str, modules: Iterable[str]) -> set[str]:
    """Return the modules that strings of a source name, as `package.module` or with `:name`.

    That is how a command is found before it is imported, and how `python -m` is told what to run.

    Args:
        source: A module's text.
        modules: The names of all modules.
    """
    strings = {
        node.value.partition(":")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return strings & set(modules) - set(PACKAGES)


def circles(arrows: Arrows) -> list[list[str]]:
    """Return the strongly connected components of more than one module, each in order."""
    reached = {module: frozenset(_reached(arrows, module)) for module in arrows}
    found = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in arrows
        if module in reached[module]
    }
    return sorted(map(list, found))


def _reached(arrows: Arrows, start: str) -> Iterator[str]:
    seen: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += arrows[module]
            yield module
