"""The manual pages: one for each command, made of what its `--help` says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc

import click

from pcs_wrapper.commands.lazy import summary

_AS_IT_IS = "\b\n"
_EXIT_CODES = re.compile(r"Exit codes[^:]*: (?=\d)")
# Between two of them: "0 it worked; 1 it did not".
_NEXT_CODE = re.compile(r"; (?=\d+ )")
_QUOTED = re.compile(r"`([^`]*)`")


def pages(command: click.Command, name: str) -> dict[str, str]:
    """Return the pages of a command and of all commands below it, each by the name of its file.

    Args:
        command: The command.
        name: Its name.
    """
    return dict(_pages(command, name, command.get_short_help_str(200), above=None))


def _pages(
    command: click.Command, name: str, summary_: str, above: click.Context | None
) -> Iterator[tuple[str, str]]:
    ctx = click.Context(command, info_name=name, parent=above, **command.context_settings)
    page = ctx.command_path.replace(" ", "-")
    yield f"{page}.1", "".join(f"{line}\n" for line in _page(ctx, page, summary_))
    for inner, its_summary, below in _commands(ctx):
        yield from _pages(below, inner, its_summary, ctx)


def _commands(ctx: click.Context) -> Iterator[tuple[str, str, click.Command]]:
    """Yield the commands of a group: name, summary and command."""
    group = ctx.command
    for name in group.list_commands(ctx) if isinstance(group, click.Group) else ():
        command = group.get_command(ctx, name) if isinstance(group, click.Group) else None
        if command is not None and not command.hidden:
            yield name, summary(group, name) or command.get_short_help_str(200), command


def _page(ctx: click.Context, page: str, summary_: str) -> Iterator[str]:
    """Yield the lines of a page in man(7)."""
    yield f'.TH {page.upper().replace("-", chr(92) + "-")} 1 "" "Takeover" "Takeover"'
    yield ".\\\" Written by script/reference from the command's help."
    yield from (".SH NAME", f"{_plain(page)} \\- {_plain(summary_.strip('.').replace('`', ''))}")
    usage = " ".join(ctx.command.collect_usage_pieces(ctx))
    yield from (".SH SYNOPSIS", f"\\fB{_plain(ctx.command_path)}\\fP {_plain(usage)}")
    paragraphs = cleandoc(ctx.command.help or "").split("\n\n")
    examples = [each for each in paragraphs if re.match(rf"{_AS_IT_IS}Examples?:\n", each)]
    codes = [each for each in paragraphs if _EXIT_CODES.match(each)]
    yield ".SH DESCRIPTION"
    for paragraph in paragraphs:
        if paragraph not in (*examples, *codes):
            yield from _paragraph(paragraph)
    yield from _listed("COMMANDS", [(_bold(name), text) for name, text, _ in _commands(ctx)])
    records = [each.get_help_record(ctx) for each in ctx.command.get_params(ctx)]
    yield from _listed(
        "OPTIONS", [(_option(each[0]), each[1]) for each in records if each and each[1]]
    )
    for each in examples:
        yield from (".SH EXAMPLES", *_verbatim(each.splitlines()[2:]))
    for each in codes:
        words = _EXIT_CODES.sub("", " ".join(each.split()).removesuffix("."))
        pairs = [code.split(" ", 1) for code in _NEXT_CODE.split(words)]
        yield from _listed("EXIT STATUS", [(_bold(code), text) for code, text in pairs])
    see = [f"{page}-{name}" for name, _, _ in _commands(ctx)]
    see += [] if ctx.parent is None else [ctx.parent.command_path.replace(" ", "-")]
    yield ".SH SEE ALSO"
    yield ",\n".join([*(f"{_bold(each)}(1)" for each in see), f"{_bold('pcs')}(8)"])


def _listed(heading: str, entries: list[tuple[str, str]]) -> Iterator[str]:
    """Yield a section that is a list; nothing if the list is empty."""
    if entries:
        yield f".SH {heading}"
    for term, text in entries:
        yield from (".TP", term, _text(text))


def _paragraph(paragraph: str) -> Iterator[str]:
    if not paragraph.startswith(_AS_IT_IS):
        yield from (".PP", *(_text(line) for line in paragraph.splitlines()))
        return
    heading, *lines = paragraph.removeprefix(_AS_IT_IS).splitlines()
    yield from (".PP", _text(heading), *_verbatim(lines))


def _verbatim(lines: list[str]) -> Iterator[str]:
    yield from (".PP", ".nf", ".RS", *(_plain(line.strip()) for line in lines), ".RE", ".fi")


def _option(record: str) -> str:
    """Return how an option is written, such as `-m, --message TEXT`."""
    words = [_bold(word) if word.startswith("-") else _plain(word) for word in record.split()]
    return " ".join(words)


def _bold(text: str) -> str:
    comma = "," if text.endswith(",") else ""
    return f"\\fB{_plain(text.removesuffix(','))}\\fP{comma}"


def _text(text: str) -> str:
    """Return a text in which what stands between backticks is bold."""
    return _QUOTED.sub(r"\\fB\1\\fP", _plain(text))


def _plain(text: str) -> str:
    """Return a text that troff prints as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return f"\\&{text}" if text.startswith((".", "'")) else text
