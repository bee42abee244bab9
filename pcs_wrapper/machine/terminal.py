"""What may reach a terminal: letters as they are, and nothing that the terminal would obey.

Names, messages and reasons come from the cluster, from agents and from files. A control character
in them could move the cursor, set the title or paste into the shell; a character of Unicode that
turns the direction of writing shows a text as another one. So whatever is printed goes through here
as the last step, and only the colours of Takeover itself become control characters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

# Begins and ends a colour until the text is printed; nobody who writes into the cluster knows it.
_MARK = os.urandom(8).hex()
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "cyan": 36}
_BOLD = 1
_STYLE = re.compile(rf"{_MARK}(\d*)!")


def style(text: str, fg: str | None = None, *, bold: bool = False) -> str:
    """Return a text that is printed in a colour.

    Args:
        text: The text.
        fg: The colour.
        bold: Whether it is printed in bold type.
    """
    codes = [_COLOURS[fg]] if fg else []
    codes += [_BOLD] if bold else []
    return "".join(f"{_MARK}{code}!" for code in codes) + f"{text}{_MARK}!"


def printable_line(text: str) -> str:
    """Return a text as one line of a terminal: even a newline in it is made visible."""
    return printable(text.replace("\n", _as_in_python("\n")))


def printable(text: str) -> str:
    """Return a text as a terminal may have it, with its lines and its colours.

    What it would obey is shown by its number, as Python writes it.
    """
    return _STYLE.sub(lambda found: f"\x1b[{found[1] or 0}m", escaped(text, _as_in_python))


def unstyled(text: str) -> str:
    """Return a text without its colours."""
    return _STYLE.sub("", text)


def escaped_json(text: str) -> str:
    """Return JSON that means the same, and has no character that a terminal would obey."""
    return escaped(text, lambda char: "".join(f"\\u{unit:04x}" for unit in _utf16(char)))


def escaped_toml(text: str) -> str:
    """Return TOML that means the same, and has no character that a terminal would obey."""
    return escaped(text, lambda char: f"\\U{ord(char):08x}")


def escaped_xml(text: str) -> str:
    """Return XML that means the same, and has no character that a terminal would obey."""
    return escaped(text, lambda char: f"&#{ord(char)};")


def escaped(text: str, form: Callable[[str], str]) -> str:
    """Return a text in which each character that is not printable is written in another form.

    Args:
        text: The text; its newlines and tabulators stay.
        form: Returns how a character is written.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else form(char) for char in text)


def _as_in_python(char: str) -> str:
    number = ord(char)
    if number <= 0xFF:  # noqa: PLR2004 - what two digits can say
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004


def _utf16(char: str) -> list[int]:
    """Return a character as JSON writes it: of those beyond 16 bits, two halves."""
    data = char.encode("utf-16-be", errors="surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
