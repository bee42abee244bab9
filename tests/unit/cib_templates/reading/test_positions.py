"""Lines of keys in TOML documents."""

from __future__ import annotations

import pytest

from cib_templates.findings import KeyPath
from cib_templates.reading.positions import Positions

DOCUMENT = '''\
schema = 1
cluster.name = "shop"   # dotted
[nodes.node1]
links = [
  "198.51.100.11",  # a comment, with ] and }
  "203.0.113.11",
]
[nodes."node.2"]
links = ['198.51.100.12']

[services.shop]
text = """
[not.a.table]
key = "value" """
"quoted \\u006b" = { a = 1, b.c = { d = [ {e = 1}, {e = 2} ] } }
[[services.shop.filesystem]]
name = "data"
[services.shop.filesystem.more]
deep = 1979-05-27 07:32:00
[[services.shop.filesystem]]
name = "log"
[services.shop.filesystem.more]
deep = """a quote before the end: """"
last = 'it'
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("schema",), 1),
        (("cluster", "name"), 2),
        (("nodes", "node1"), 3),
        (("nodes", "node1", "links"), 4),
        (("nodes", "node1", "links", 1), 6),
        (("nodes", "node.2", "links", 0), 9),
        (("services", "shop"), 11),
        (("services", "shop", "quoted k"), 15),
        (("services", "shop", "quoted k", "b", "c", "d", 1, "e"), 15),
        (("services", "shop", "filesystem", 0), 16),
        (("services", "shop", "filesystem", 0, "more", "deep"), 19),
        (("services", "shop", "filesystem", 1), 20),
        (("services", "shop", "filesystem", 1, "more", "deep"), 23),
        (("services", "shop", "filesystem", 1, "more", "last"), 24),
    ],
)
def test_every_key_has_its_line(path: KeyPath, line: int) -> None:
    """Tables, arrays of tables, inline tables, dotted and quoted keys all have their own line."""
    assert Positions(DOCUMENT).line(path) == line


def test_an_absent_key_has_the_line_of_the_table_around_it() -> None:
    """What is missing is reported where it should have been written."""
    assert Positions(DOCUMENT).line(("services", "shop", "filesystem", 1, "device")) == 20
    assert Positions(DOCUMENT).line(("elsewhere",)) == 1


def test_windows_line_ends_count_once() -> None:
    """A file written on Windows has the same line numbers."""
    assert Positions("a = 1\r\n[b]\r\nc = 2\r\n").line(("b", "c")) == 3


def test_an_empty_document_has_one_line() -> None:
    """Nothing written means line 1."""
    assert Positions("").line(("schema",)) == 1
