"""No module needs itself, over whatever way."""

from __future__ import annotations

from tests.unit.house.arrows import arrows, circles, named_in_strings


def test_no_module_is_part_of_a_circle() -> None:
    """Neither by imports, late ones among them, nor for types alone, nor through strings."""
    assert circles(arrows()) == []


def test_the_commands_are_found_though_only_strings_name_them() -> None:
    """The table of the command line's commands is as good as imports."""
    needed = arrows()["pcs_wrapper.cli"]
    assert "pcs_wrapper.commands.change.plan" in needed
    assert "pcs_wrapper.commands.agents.agents" in needed


def test_imports_for_type_checkers_count() -> None:
    """A module that another one needs only for its annotations is needed."""
    assert "pcs_wrapper.conformance.rule" in arrows()["pcs_wrapper.conformance.rules"]


def test_a_circle_is_found_however_long_it_is() -> None:
    """Two circles, one of them of a single module; what only leads to a circle is not in it."""
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "d"}, "e": {"d"}, "f": set[str]()}
    frozen = {module: frozenset(needed) for module, needed in graph.items()}
    assert circles(frozen) == [["a", "b", "c"], ["d"]]


def test_only_whole_names_of_modules_count_in_strings() -> None:
    """A sentence, an attribute's name and another program's file are no arrows."""
    source = '"""See p.x."""\nrun("p.x:main")\nrun("-m", "p.y")\nopen("p.log")\nprint("uses p.z")'
    assert named_in_strings(source, ["p", "p.x", "p.y", "p.z"]) == {"p.x", "p.y"}
