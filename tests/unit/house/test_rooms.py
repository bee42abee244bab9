"""Every room says what it is for, and can be seen at a glance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.house.arrows import CHECKOUT
from tests.unit.house.rooms import docstring, first_line, modules, rooms

AT_MOST = 12
# Rooms with more files, each with its reason.
EXCEPTIONS: dict[str, str] = {}


@pytest.mark.parametrize("room", rooms(), ids=str)
def test_a_room_says_in_a_sentence_what_it_is_for(room: Path) -> None:
    """Its `__init__` begins with one sentence on one line, which the documents repeat."""
    sentence = first_line(CHECKOUT / room)
    assert docstring(CHECKOUT / room).partition("\n\n")[0] == sentence, "it needs its own line"
    assert sentence.endswith(".")
    assert ". " not in sentence, "one sentence, not two"


@pytest.mark.parametrize("room", rooms(), ids=str)
def test_a_room_has_few_files(room: Path) -> None:
    """About ten: whoever looks for something reads a list, not a catalogue."""
    assert len(modules(room)) <= AT_MOST or str(room) in EXCEPTIONS, modules(room)


def test_no_exception_is_left_over() -> None:
    """A room that has become small needs no exception any more."""
    assert set(EXCEPTIONS) <= {str(room) for room in rooms() if len(modules(room)) > AT_MOST}


def test_no_module_is_outside_of_a_room() -> None:
    """Every folder with a module is a package, so that its modules are found and checked."""
    for room in rooms():
        assert (CHECKOUT / room / "__init__.py").is_file(), f"{room} has no __init__.py"
