"""Environment files in the format of systemd's EnvironmentFile= (systemd.exec(5)).

Lines of NAME=VALUE; empty ones and those that begin with # or ; say nothing. A value may be in
single quotes, where everything means itself, or in double quotes, where a backslash works as in a
shell. Quoted values may have line breaks. Outside of quotes a backslash takes the next character
for itself, and before a line's end continues the line; blanks around the value do not count.
Nothing is expanded. Values are secrets: no message has any.
"""

from __future__ import annotations

from ocf_agents.runtime.agent import AgentError, Code

OPTIONAL = "-"  # before the path: the file may be missing
BLANKS, QUOTES = " \t", "'\""
ESCAPED = '"\\$`\n'  # what a backslash takes its meaning from in double quotes


def read(path: str) -> dict[str, str]:
    """Return the variables of a file; a path that begins with "-" may be missing.

    Raises AgentError (ERR_INSTALLED) naming file and line, but never a value.
    """
    optional = path.startswith(OPTIONAL)
    path = path.removeprefix(OPTIONAL)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except FileNotFoundError as error:
        if optional:
            return {}
        raise AgentError(
            f"there is no environment file {path} on this node", Code.ERR_INSTALLED
        ) from error
    except OSError as error:
        raise AgentError(
            f"{error.strerror}: cannot read the environment file {path}", Code.ERR_INSTALLED
        ) from error
    return _Reader(path, text).variables()


class _Reader:
    """The text of a file, and how far it was read."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._at = 0

    def variables(self) -> dict[str, str]:
        """Return the variables; the last one of a name counts."""
        found = {}
        while self._at < len(self._text):
            if self._peek() in BLANKS + "\n":
                self._at += 1
            elif self._peek() in "#;":
                self._rest_of_line()
            else:
                name = self._name()
                found[name] = self._value()
        return found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _rest_of_line(self) -> str:
        end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end
        line = self._text[self._at : end]
        self._at = end
        return line

    def _name(self) -> str:
        began = self._at
        line = self._rest_of_line()
        name, equals, _ = line.partition("=")
        name = name.rstrip(BLANKS)
        if not equals or not name.isascii() or not name.isidentifier():
            raise self._error("is not NAME=VALUE", began)
        self._at = began + line.index("=") + 1
        return name

    def _value(self) -> str:
        """Return the value after the equals sign, and read on to the end of its line."""
        began = self._at
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
