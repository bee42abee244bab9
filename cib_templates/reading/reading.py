"""Reading a description: file, TOML, model, and every mistake at once."""

from __future__ import annotations

import copy
import difflib
import json
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args, get_origin

from pydantic import ValidationError

from cib_templates.checks.advice import LocalHost, advice
from cib_templates.checks.contradictions import contradictions
from cib_templates.errors import DescriptionError
from cib_templates.findings import Contradiction, KeyPath, Mistake
from cib_templates.model.description import Description
from cib_templates.model.table import Table
from cib_templates.reading import positions

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_ENTITIES = ("nodes", "fencing", "services")
_EXTRAS = ("properties", "quorum", "sbd", "fragments")
_TOML_TYPES = [
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (str, "a string"),
    (list, "an array"),
    (dict, "a table"),
]
_MESSAGES: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "is not a known key",
    "value_error": lambda error: str(error["ctx"]["error"]),
    "literal_error": lambda error: f"{error['input']!r} is not supported",
    "string_pattern_mismatch": lambda error: f"{error['input']!r} is not right",
    "string_too_short": lambda _: "is empty",
    "too_short": lambda error: f"has {error['ctx']['actual_length']}, which is too few",
    "too_long": lambda error: f"has {error['ctx']['actual_length']}, which is too many",
    "greater_than_equal": lambda _: "is too small",
    "less_than_equal": lambda _: "is too large",
}


Locate = Callable[[Contradiction], Mistake]


def read_description(file: Path) -> Description:
    """Read a description.

    Args:
        file: A TOML file, UTF-8.

    Raises:
        DescriptionError: With all mistakes, in the order of their lines.
    """
    return parse_description(description_text(file), file)


def parse_description(text: str, file: Path) -> Description:
    """Read a description from its text.

    Args:
        text: TOML.
        file: What mistakes are said to be in; fragments' files are beside it.

    Raises:
        DescriptionError: With all mistakes, in the order of their lines.
    """
    description, _ = _read(file, text)
    return description


def read_with_advice(
    file: Path, machine: LocalHost | None = None
) -> tuple[Description, list[Mistake]]:
    """Read a description, and find what is allowed in it and seldom meant.

    Args:
        file: A TOML file, UTF-8.
        machine: Where it is read; None if nothing is known of that.

    Returns:
        The description, and the warnings in the order of their lines.

    Raises:
        DescriptionError: With all mistakes, in the order of their lines.
    """
    description, locate = _read(file, description_text(file))
    return description, _sorted(map(locate, advice(description, machine)))


def _sorted(mistakes: Iterable[Mistake]) -> list[Mistake]:
    return sorted(mistakes, key=lambda found: (found.line, found.path))


def _read(file: Path, text: str) -> tuple[Description, Locate]:
    try:
        return _model_of(file, text)
    except RecursionError:
        _refuse(file, "nests tables or arrays too deeply to be read")


def _model_of(file: Path, text: str) -> tuple[Description, Locate]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _refuse_toml(file, text, str(error))
    except ValueError:
        # Python reads no decimal integer of more than 4300 digits (sys.set_int_max_str_digits).
        _refuse(file, "has a number that is too long to be read")
    lines = positions.Positions(text)

    def locate(found: Contradiction) -> Mistake:
        written = _written(document, found.path)
        return Mistake(file, lines.line(written), _dotted(written), found.message, found.hint)

    errors, readable = _model(document)
    mistakes = [
        locate(Contradiction(_location(error), _message(error), _hint(error))) for error in errors
    ]
    if readable is not None:
        # Without all fencing devices it is not known which nodes none of them can fence.
        complete = "fencing" not in {_location(error)[0] for error in errors}
        found, readable = _with_fragments(file, readable)
        found += contradictions(
            readable,
            nodes=document["nodes"],
            services=document.get("services", ()),
            complete=complete,
        )
        mistakes += map(locate, found)
    if readable is None or mistakes:
        raise DescriptionError(_sorted(mistakes))
    return readable, locate


def _with_fragments(
    file: Path, description: Description
) -> tuple[list[Contradiction], Description]:
    """Return a description with the texts of its fragments' files, and what cannot be read."""
    mistakes = []
    fragments = list(description.fragments)
    for index, fragment in enumerate(description.fragments):
        if fragment.file is None or fragment.xml is not None:
            continue
        try:
            text = (file.parent / fragment.file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8 text"
            mistakes.append(
                Contradiction(
                    ("fragments", index, "file"),
                    f"{fragment.file!r} cannot be read: {reason}",
                    "a path relative to the description's folder",
                )
            )
        else:
            fragments[index] = fragment.model_copy(update={"file": None, "xml": text})
    return mistakes, description.model_copy(update={"fragments": fragments})


def description_text(file: Path) -> str:
    """Return a description's text, unread.

    Raises:
        DescriptionError: The file cannot be read, or is no UTF-8.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        _refuse(file, "there is no such file", "the path of a cluster description, cluster.toml")
    except IsADirectoryError:
        _refuse(file, "is a directory", "the path of a cluster description, cluster.toml")
    except UnicodeDecodeError as error:
        *lines, last = error.object[: error.start].split(b"\n")
        message = f"is not UTF-8 text (byte {len(last) + 1} of the line)"
        _refuse(file, message, "save it as UTF-8", line=len(lines) + 1)
    except OSError as error:
        _refuse(file, f"cannot be read: {error.strerror}")


def _refuse(file: Path, message: str, hint: str = "", *, line: int = 0) -> NoReturn:
    raise DescriptionError([Mistake(file, line, "", message, hint)])


def _refuse_toml(file: Path, text: str, error: str) -> NoReturn:
    """Report what tomllib says, which ends in "(at line N, column M)" or "(at end of document)"."""
    message, _, place = error.rpartition(" (at ")
    line = text.count("\n") + 1
    if place.startswith("line "):
        line = int(place.removeprefix("line ").partition(",")[0])
    _refuse(file, f"is not TOML: {message or error}", "see https://toml.io", line=line)


def _model(document: dict[str, Any]) -> tuple[list[ErrorDetails], Description | None]:
    """Return the errors, and the model of what has none (if that makes a cluster at all)."""
    try:
        return [], Description.model_validate(document)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    # What these two hold has no bearing on the rest.
    rest = copy.deepcopy(document) | {"schema": 1, "cluster": {"name": "unread"}}
    for found in errors:
        _drop(rest, _location(found), key_only=found["type"] == "extra_forbidden")
    try:
        return errors, Description.model_validate(rest)
    except ValidationError:
        return errors, None


def _drop(document: dict[str, Any], path: KeyPath, *, key_only: bool) -> None:
    """Remove a key that is not known, or else the whole node, device or service of a mistake."""
    path = _written(document, path)
    if not key_only:
        path = path[:2] if path[0] in _ENTITIES else path[:1] if path[0] in _EXTRAS else ()
    table: Any = document
    for step in path[:-1]:
        # Something around it may be gone already.
        if isinstance(table, dict) and step not in table:
            return
        table = table[step]
    if path:
        table.pop(path[-1], None)


def _location(error: ErrorDetails) -> KeyPath:
    """Return the path of an error; pydantic adds "[key]" where a table's name is wrong."""
    return tuple(step for step in error["loc"] if step != "[key]")


def _written(document: object, path: KeyPath) -> KeyPath:
    """Return a path as the file has it: one part may be written without an array around it."""
    steps: list[str | int] = []
    for step in path:
        if isinstance(step, int) and isinstance(document, dict):
            continue
        steps.append(step)
        try:
            document = document[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            document = None
    return tuple(steps)


def _dotted(path: KeyPath) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            bare = step.replace("-", "").replace("_", "").isalnum() and step.isascii()
            text += f".{step}" if bare else f".{json.dumps(step)}"
    return text.removeprefix(".")


def _message(error: ErrorDetails) -> str:
    if error["loc"][-1] == "[key]":
        return f"{error['input']!r} is not a name"
    known = _MESSAGES.get(error["type"])
    if known is not None:
        return known(error)
    if error["type"].endswith("_type"):
        found = next((name for kind, name in _TOML_TYPES if isinstance(error["input"], kind)), "")
        return f"must not be {found or 'a date or time'}"
    return error["msg"]


def _hint(error: ErrorDetails) -> str:
    """Say what would be right: the description of the field around the error."""
    if error["loc"][-1] == "[key]":
        return "a name has letters, digits, - and _, and begins with a letter"
    path = _location(error)
    if error["type"] == "extra_forbidden":
        known = _keys(_kind_at(path[:-1]))
        close = difflib.get_close_matches(str(path[-1]), known, n=1)
        return f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
    while path:
        *parents, key = path
        table = _kind_at(tuple(parents))
        if isinstance(key, str) and isinstance(table, type) and issubclass(table, Table):
            return _field(table, key).description or ""
        path = tuple(parents)
    return ""


def _kind_at(path: KeyPath) -> object:
    """Return the type of the model at a path: a Table, or what a field's annotation holds."""
    kind: object = Description
    for step in path:
        if isinstance(kind, type) and issubclass(kind, Table):
            kind = _field(kind, str(step)).annotation
        else:
            kind = _plain(get_args(kind)[-1])
        kind = _plain(kind)
    return kind


def _plain(kind: object) -> object:
    """Return a type without `| None` and without the validators of Annotated."""
    while (arguments := get_args(kind)) and get_origin(kind) not in (list, dict):
        kind = arguments[0]
    return kind


def _field(table: type[Table], key: str) -> FieldInfo:
    fields = table.model_fields
    return next(field for name, field in fields.items() if key in (name, field.alias))


def _keys(kind: object) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, Table):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []
