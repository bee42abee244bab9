"""Environment files in the format of systemd's EnvironmentFile= (systemd.exec(5)).

Each line is NAME=VALUE; empty lines and those that begin with # or ; are ignored. A value may be in
single quotes, where every character means itself, or in double quotes, where a backslash works as
in a shell. Quoted values may have line breaks. Outside of quotes the character after a backslash
means itself, and a backslash at a line's end continues the line; blanks around the value do not
count. Nothing is expanded. Values are secrets: no message has any.
"""

from __future__ import annotations

import os
import pwd

from ocf_agents.program.files.trusted import read_for
from ocf_agents.program.identity import Identity
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.bounded import TimedOut, bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.files.trusted import Owner

OPTIONAL = "-"  # before the path: the file may be missing
BLANKS, QUOTES = " \t", "'\""
# The kernel takes no more than 128 KiB of one variable (execve(2), MAX_ARG_STRLEN).
MOST = 256 << 10  # bytes of a file
PATIENCE = 5.0  # seconds; a file on a disk or server that is gone cannot be read
READ, MISSING = "+", "-"  # first character of what the child that reads a file answers
ESCAPED = '"\\$`\n'  # what a backslash takes its meaning from in double quotes


def read(path: str, owner: Owner | None = None, deadline: Deadline | None = None) -> dict[str, str]:
    """Return the variables of a file.

    Args:
        path: The file; with "-" before the path it may be missing.
        owner: Whose programs get them; the user's that runs the agent if it is None. Root reads
            the file for that user, but nothing that somebody has put there to have root read it
            (files/trusted.py).
        deadline: When that has to be done.

    Raises:
        AgentError: The file is missing or wrong (ERR_INSTALLED), or may not be read for the user
            (ERR_PERM). The reason names the file and the line, but never a value.
    """
    optional = path.startswith(OPTIONAL)
    path = path.removeprefix(OPTIONAL)
    reader = owner or Identity(pwd.getpwuid(os.geteuid()))
    limit = Deadline(PATIENCE if deadline is None else min(PATIENCE, deadline.left()))
    try:
        answer = bounded(lambda: _contents(path, reader), limit, f"reading {path}")
    except TimedOut as error:
        raise AgentError(str(error), Code.ERR_INSTALLED) from error
    if answer[:1] == READ:
        return _Reader(path, answer[1:]).variables()
    if answer[:1] != MISSING:
        code, _, reason = answer.partition(" ")
        raise AgentError(reason, int(code))
    if optional:
        return {}
    raise AgentError(f"there is no environment file {path} on this node", Code.ERR_INSTALLED)


def _contents(path: str, owner: Owner) -> str:
    """Return the text of a file, MISSING, or the code and the reason of a failure."""
    try:
        text = read_for(owner, path, MOST).decode(errors="surrogateescape")
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        words = f"{error.strerror}: cannot read the environment file {path}"
        return f"{Code.ERR_INSTALLED} {words}"
    except AgentError as error:
        return f"{error.code} {error}"
    return READ + text.replace("\r\n", "\n").replace("\r", "\n")  # as lines end in any text file


class _Reader:
    """Reads the text of a file from its beginning to its end.

    Args:
        path: The file.
        text: Its text.
    """

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._position = 0

    def variables(self) -> dict[str, str]:
        """Return the variables; the last one of a name counts."""
        found = {}
        while self._position < len(self._text):
            if self._peek() in BLANKS + "\n":
                self._position += 1
            elif self._peek() in "#;":
                self._rest_of_line()
            else:
                name = self._name()
                found[name] = self._value()
        return found

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _take(self) -> str:
        character = self._peek()
        self._position += 1
        return character

    def _rest_of_line(self) -> str:
        end = self._text.find("\n", self._position)
        end = len(self._text) if end < 0 else end
        line = self._text[self._position : end]
        self._position = end
        return line

    def _name(self) -> str:
        began = self._position
        line = self._rest_of_line()
        name, equals, _ = line.partition("=")
        name = name.rstrip(BLANKS)
        if not equals or not name.isascii() or not name.isidentifier():
            raise self._error("is not NAME=VALUE", began)
        self._position = began + line.index("=") + 1
        return name

    def _value(self) -> str:
        """Return the value after the equals sign, and read on to the end of its line."""
        began = self._position
        value = ""  # what counts to its last character
        blanks = ""  # what only counts if something follows
        while (character := self._take()) not in ("", "\n"):
            if character in BLANKS:
                blanks += character if value else ""
                continue
            value, blanks = value + blanks, ""
            if character in QUOTES:
                value += self._quoted(character, began)
            elif character == "\\":
                value += self._take().replace("\n", "")
            else:
                value += character
        if "\0" in value:
            raise self._error("has a NUL character", began)
        return value

    def _quoted(self, quote: str, began: int) -> str:
        value = ""
        while (character := self._take()) != quote:
            if not character:
                raise self._error("has a quote that is not closed", began)
            if character == "\\" and quote == '"' and self._peek() in ESCAPED:
                character = self._take().replace("\n", "")
            value += character
        return value

    def _error(self, what: str, position: int) -> AgentError:
        line = self._text.count("\n", 0, position) + 1
        return AgentError(f"line {line} of {self._path} {what}", Code.ERR_INSTALLED)
