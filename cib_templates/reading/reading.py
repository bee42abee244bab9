"""Reading a description: file, TOML, model, and every mistake at once."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError

from cib_templates.checks.advice import LocalHost, advice
from cib_templates.checks.description import check_description
from cib_templates.checks.duplicates import check_inner_ids
from cib_templates.errors import DescriptionError
from cib_templates.findings import Finding, FindingKind, KeyPath, Place, error
from cib_templates.model.description import Description
from cib_templates.reading import positions
from cib_templates.reading.files import LONGEST_TEXT, read_file
from cib_templates.reading.messages import finding_of, path_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FILE_MISSING = error("file-missing", "There is no file of that name.")
FILE_UNREADABLE = error("file-unreadable", "The file cannot be read, or is a directory.")
NOT_UTF8 = error("not-utf8", "The file is not UTF-8 text.")
NOT_TOML = error("not-toml", "The file is not TOML.")
TOO_DEEP = error("too-deep", "The file nests tables or arrays more deeply than anybody needs.")
NUMBER_TOO_LONG = error("number-too-long", "The file has a number of thousands of digits.")
FRAGMENT_UNREADABLE = error(
    "fragment-unreadable", "The file of a fragment cannot be read, or is not UTF-8 text."
)

_ENTITIES = ("nodes", "fencing", "services")
_EXTRAS = ("properties", "quorum", "sbd", "fragments")

Locate = Callable[[Finding], Finding]


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
        file: The file that findings name; fragments' files are beside it.

    Raises:
        DescriptionError: With all mistakes, in the order of their lines.
    """
    description, _ = _read(file, text)
    return description


def read_with_advice(
    file: Path, machine: LocalHost | None = None
) -> tuple[Description, list[Finding]]:
    """Read a description, and find what is allowed in it, but seldom meant.

    Args:
        file: A TOML file, UTF-8.
        machine: Where it is read; None if nothing is known of that machine.

    Returns:
        The description, and the warnings in the order of their lines.

    Raises:
        DescriptionError: With all mistakes, in the order of their lines.
    """
    return parse_with_advice(description_text(file), file, machine)


def parse_with_advice(
    text: str, file: Path, machine: LocalHost | None = None
) -> tuple[Description, list[Finding]]:
    """Read a description from its text, and find what is seldom meant, as `read_with_advice` does.

    Args:
        text: TOML.
        file: The file that findings name; fragments' files are beside it.
        machine: Where it is read; None if nothing is known of that machine.

    Raises:
        DescriptionError: With all mistakes, in the order of their lines.
    """
    description, locate = _read(file, text)
    return description, _sorted(map(locate, advice(description, machine)))


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda found: (_line(found), found.key))


def _line(found: Finding) -> int:
    return (found.place.line if found.place is not None else None) or 0


def _read(file: Path, text: str) -> tuple[Description, Locate]:
    try:
        return _model_of(file, text)
    except RecursionError:
        _refuse(TOO_DEEP, file, "nests tables or arrays too deeply to be read")


def _model_of(file: Path, text: str) -> tuple[Description, Locate]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        _refuse_toml(file, text, str(problem))
    except ValueError:
        # Python reads no decimal integer of more than 4300 digits (sys.set_int_max_str_digits).
        _refuse(NUMBER_TOO_LONG, file, "has a number that is too long to be read")
    lines = positions.Positions(text)

    def locate(found: Finding) -> Finding:
        written = _written(document, found.path)
        return replace(found, path=written, place=Place(file, lines.line(written)))

    errors, readable = _model(document)
    mistakes = [locate(finding_of(each)) for each in errors]
    if readable is not None:
        # Without all fencing devices it is not known which nodes none of them can fence.
        fencing_is_complete = "fencing" not in {path_of(each)[0] for each in errors}
        found, readable = _with_fragments(file, readable)
        found += check_description(
            readable,
            nodes=document["nodes"],
            services=document.get("services", ()),
            fencing_is_complete=fencing_is_complete,
        )
        mistakes += map(locate, found)
    if readable is not None and not mistakes:
        mistakes += map(locate, check_inner_ids(readable))
    if readable is None or mistakes:
        raise DescriptionError(_sorted(mistakes))
    return readable, locate


def _with_fragments(file: Path, description: Description) -> tuple[list[Finding], Description]:
    """Return which fragments' files cannot be read, and the description with others' texts."""
    mistakes = []
    fragments = list(description.fragments)
    for index, fragment in enumerate(description.fragments):
        if fragment.file is None or fragment.xml is not None:
            continue
        try:
            text = read_file(file.parent / fragment.file, LONGEST_TEXT).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or "is not UTF-8 text"
            mistakes.append(
                FRAGMENT_UNREADABLE.at(
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
        return read_file(file, LONGEST_TEXT).decode("utf-8-sig")
    except FileNotFoundError:
        _refuse(
            FILE_MISSING,
            file,
            "there is no such file",
            "the path of a cluster description, cluster.toml",
        )
    except IsADirectoryError:
        _refuse(
            FILE_UNREADABLE,
            file,
            "is a directory",
            "the path of a cluster description, cluster.toml",
        )
    except UnicodeDecodeError as problem:
        *lines, last = problem.object[: problem.start].split(b"\n")
        message = f"is not UTF-8 text (byte {len(last) + 1} of the line)"
        _refuse(NOT_UTF8, file, message, "save it as UTF-8", line=len(lines) + 1)
    except OSError as problem:
        _refuse(FILE_UNREADABLE, file, f"cannot be read: {problem.strerror}")


def _refuse(
    kind: FindingKind, file: Path, message: str, hint: str = "", *, line: int | None = None
) -> NoReturn:
    raise DescriptionError([replace(kind.at((), message, hint), place=Place(file, line))])


def _refuse_toml(file: Path, text: str, problem: str) -> NoReturn:
    """Report what tomllib found; it ends in "(at line N, column M)" or "(at end of document)"."""
    message, _, place = problem.rpartition(" (at ")
    line = text.count("\n") + 1
    if place.startswith("line "):
        line = int(place.removeprefix("line ").partition(",")[0])
    _refuse(NOT_TOML, file, f"is not TOML: {message or problem}", "see https://toml.io", line=line)


def _model(document: dict[str, Any]) -> tuple[list[ErrorDetails], Description | None]:
    """Return the errors, and the model of what has none (if that makes a cluster at all)."""
    try:
        return [], Description.model_validate(document)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    # What these two hold has no bearing on the rest.
    rest = copy.deepcopy(document) | {"schema": 1, "cluster": {"name": "unread"}}
    for found in errors:
        _drop(rest, path_of(found), key_only=found["type"] == "extra_forbidden")
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
