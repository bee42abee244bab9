"""The rooms: the folders that modules live in, and what each is for."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.unit.house.arrows import CHECKOUT, PACKAGES


def rooms() -> list[Path]:
    """Return every folder of the packages that has a module, relative to the checkout, in order."""
    files = (file for package in PACKAGES for file in (CHECKOUT / package).rglob("*.py"))
    return sorted({file.parent.relative_to(CHECKOUT) for file in files})


def modules(room: Path) -> list[str]:
    """Return the files of a room, without the one that says what it is for."""
    files = (file.name for file in (CHECKOUT / room).glob("*.py"))
    return sorted(name for name in files if name != "__init__.py")


def docstring(path: Path) -> str:
    """Return what a room or a module says of itself; nothing if a room has no `__init__`."""
    file = path / "__init__.py" if path.is_dir() else path
    return (ast.get_docstring(ast.parse(file.read_text())) or "") if file.is_file() else ""


def first_line(path: Path) -> str:
    """Return what a room or a module is for: the first line of its docstring."""
    return docstring(path).partition("\n")[0]
