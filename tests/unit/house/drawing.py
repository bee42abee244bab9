"""The tables of rooms in docs/architecture.md, made from the rooms themselves.

`python -m tests.unit.house.drawing` writes them; script/reference does that.
"""

from __future__ import annotations

import re

from tests.unit.house.arrows import CHECKOUT, PACKAGES, arrows, file_of
from tests.unit.house.rooms import first_line

DOCUMENT = CHECKOUT / "docs" / "architecture.md"
_TABLE = re.compile(r"(<!-- rooms of (\w+), by script/reference -->\n).*?(<!-- end -->)", re.DOTALL)


def drawn(text: str) -> str:
    """Return the document with its tables of rooms as the rooms are now."""
    return _TABLE.sub(lambda found: f"{found[1]}{table_of(found[2])}{found[3]}", text)


def table_of(package: str) -> str:
    """Return a package's rooms as a table: what each is for, and which others it needs."""
    needed: dict[str, set[str]] = {}
    for module, others in arrows().items():
        if module.startswith(f"{package}."):
            here = _floor(module)
            there = {_floor(other) for other in others} - {here}
            names = {name if owner == package else owner for owner, name in there}
            needed.setdefault(_room(module), set()).update(names)
    lines = ["", "| room | what it is for | needs |", "|---|---|---|"]
    for room in sorted(needed):
        needs = ", ".join(sorted(needed[room], key=lambda name: (name in PACKAGES, name)))
        lines.append(f"| `{room}` | {first_line(CHECKOUT / room)} | {needs} |")
    return "\n".join([*lines, "", ""])


def _room(module: str) -> str:
    """Return the folder that a module is in; one beside the rooms is a room by itself."""
    file = file_of(module).relative_to(CHECKOUT)
    return str(file) if str(file.parent) in PACKAGES else f"{file.parent}/"


def _floor(module: str) -> tuple[str, str]:
    """Return the package and the name of the outermost room that a module is in."""
    package, name, *_ = f"{module}.".split(".")
    return package, name


if __name__ == "__main__":
    DOCUMENT.write_text(drawn(DOCUMENT.read_text()))
