"""What the documents say of the house is so: its rooms, its files, and what is in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.house.arrows import CHECKOUT, PACKAGES, file_of
from tests.unit.house.drawing import DOCUMENT, drawn
from tests.unit.house.rooms import rooms

DOCUMENTS = sorted(
    file.relative_to(CHECKOUT)
    for folder in ("", "bench", "docs", "docs/reference", "vagrant")
    for file in (CHECKOUT / folder).glob("*.md")
    if file.name != "CHANGELOG.md"  # it tells of what was, too
)
_FOLDERS = (*PACKAGES, "bench", "docs", "examples", "script", "tests")
_PATH = re.compile(rf"`((?:{'|'.join(_FOLDERS)})/[\w./-]*)`")
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)")
# A row of a walk through the house: a file, what in it is meant, and what happens there.
_STATION = re.compile(r"^\| `([\w/]+\.py)` \| `(\w+)` \|", re.MULTILINE)


def test_the_rooms_are_drawn_as_they_are() -> None:
    """Each has its sentence and its arrows; whoever changes one runs script/reference."""
    text = DOCUMENT.read_text()
    assert re.findall(r"<!-- rooms of (\w+), by", text) == [
        "pcs_wrapper",
        "cib_templates",
        "ocf_agents",
        "vagrant",
    ]
    assert drawn(text) == text


def test_no_room_is_missing_in_the_drawing() -> None:
    """Whoever builds a room draws it."""
    drawing = DOCUMENT.read_text().partition("```")[2].partition("```")[0]
    beside = {path.name for package in PACKAGES for path in (CHECKOUT / package).glob("*.py")}
    inside = {room.parts[1] for room in rooms() if len(room.parts) > 1}
    shown = set(re.findall(r"[\w.]+", drawing))
    assert (beside - {"__init__.py"}) | inside <= shown


def test_every_station_of_a_walk_is_there() -> None:
    """The file exists, and defines what is said to do it."""
    stations = _STATION.findall(DOCUMENT.read_text())
    assert len(stations) > 30
    for path, name in stations:
        text = (CHECKOUT / path).read_text()
        assert re.search(rf"^(?:def|class) {name}\b|^{name} = ", text, re.MULTILINE), (path, name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_path_and_link_leads_somewhere(document: Path) -> None:
    """What a document names in this repository exists."""
    text = (CHECKOUT / document).read_text()
    missing = [path for path in _PATH.findall(text) if not (CHECKOUT / path).exists()]
    folder = (CHECKOUT / document).parent
    missing += [link for link in _LINK.findall(text) if not (folder / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_module_that_is_named_exists(document: Path) -> None:
    """What is run with `python -m` can be run."""
    text = (CHECKOUT / document).read_text()
    modules = re.findall(
        rf"python3? -m ((?:{'|'.join((*PACKAGES, 'bench', 'tests'))})[\w.]*)", text
    )
    assert [name for name in modules if not file_of(name).is_file()] == []
