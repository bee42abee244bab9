"""Whatever is written in place of a value of the example."""

from __future__ import annotations

import itertools
from pathlib import Path

from cib_templates.errors import DescriptionError
from cib_templates.reading.reading import read_description
from tests.unit.cib_templates.conftest import EXAMPLE


def test_any_value_in_any_place_is_survived(tmp_path: Path) -> None:
    """Whatever is written in place of a value is refused with mistakes, or is right."""
    values = ["1", "true", '""', "[]", "{}", "[{}]", '"x"', "[1]", "1.5", '{x = "y"}', "[[]]"]
    lines = [line for line in EXAMPLE.read_text().splitlines() if not line.startswith("#")]
    file = tmp_path / "cluster.toml"
    for index, value in itertools.product(range(len(lines)), values):
        key, equals, _ = lines[index].partition(" = ")
        if equals:
            file.write_text("\n".join([*lines[:index], f"{key} = {value}", *lines[index + 1 :]]))
            try:
                read_description(file)
            except DescriptionError as error:
                assert all(each.place and each.place.line for each in error.findings)
