"""The line of every key in a TOML document: tomllib, which reads the values, keeps none.

The scanner relies on tomllib having accepted the document, so it needs to know where keys, values
and tables begin and end, and nothing else of TOML 1.0.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from cib_templates.findings import KeyPath

if TYPE_CHECKING:
    from collections.abc import Callable


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
_SPACE = re.compile(r"[ \t]*")
# One or two quotes directly before the closing three belong to the string (TOML 1.0, "String").
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_BARE_VALUE = re.compile(r"[^,\]}\n#]+")


class Positions:
    """Where the keys of a TOML document are.

    Args:
        text: A document that tomllib accepts.
    """

    def __init__(self, text: str) -> None:
        # As tomllib does; the number of lines stays.
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._counted = 0
        self._newlines = 0
        self._lines: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}
        self._document()

    def line(self, path: KeyPath) -> int:
        """Return the line (from 1) of a key, or of the nearest table around it that is written."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def begins(self) -> dict[int, list[KeyPath]]:
        """Return what begins in each line (from 1): keys, items of arrays, and headers of tables.

        A table around something begins where it is first named.
        """
        found: dict[int, list[KeyPath]] = {}
        for path, line in self._lines.items():
            found.setdefault(line, []).append(path)
        return found

    def _document(self) -> None:
        table: KeyPath = ()
        while True:
            self._take(_BLANK)
            if self._at == len(self._text):
                return
            if self._text.startswith("[[", self._at):
                table = self._header(opening=2, array=True)
            elif self._text[self._at] == "[":
                table = self._header(opening=1, array=False)
            else:
                self._key_and_value(table)

    def _header(self, *, opening: int, array: bool) -> KeyPath:
        line = self._line_here()
        self._at += opening
        *parents, last = self._dotted_key()
        self._at += opening
        path: KeyPath = ()
        for key in parents:
            path = (*path, key)
            self._lines.setdefault(path, line)
            path = self._latest(path)
        path = (*path, last)
        self._lines.setdefault(path, line)
        if array:
            path = self._append(path, line)
        self._lines[path] = line
        return path

    def _key_and_value(self, table: KeyPath) -> None:
        line = self._line_here()
        path = table
        for key in self._dotted_key():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._take(_SPACE)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        match self._text[self._at]:
            case "[":
                self._sequence("]", lambda: self._value(self._append(path, self._line_here())))
            case "{":
                self._sequence("}", lambda: self._key_and_value(path))
            case '"' | "'":
                self._take(_STRING)
            case _:
                self._take(_BARE_VALUE)

    def _sequence(self, closing: str, item: Callable[[], None]) -> None:
        self._at += 1
        while True:
            self._take(_BLANK)
            if self._text[self._at] == closing:
                self._at += 1
                return
            item()
            self._take(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1

    def _dotted_key(self) -> list[str]:
        keys = []
        while True:
            self._take(_SPACE)
            keys.append(self._key())
            self._take(_SPACE)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _key(self) -> str:
        written = self._take(_KEY)
        if written[0] in "\"'":
            return str(tomllib.loads(f"key = {written}")["key"])
        return written

    def _append(self, path: KeyPath, line: int) -> KeyPath:
        """Begin the next item of the array at `path`."""
        index = self._lengths.get(path, 0)
        self._lengths[path] = index + 1
        item = (*path, index)
        self._lines[item] = line
        return item

    def _latest(self, path: KeyPath) -> KeyPath:
        """Return the table that a header's parent means: in an array, its latest item."""
        length = self._lengths.get(path)
        return path if length is None else (*path, length - 1)

    def _line_here(self) -> int:
        # Only from where it was counted before: a large description has many keys.
        self._newlines += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._newlines + 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"not TOML that tomllib accepts, at line {self._line_here()}")
        self._at = found.end()
        return found.group()
