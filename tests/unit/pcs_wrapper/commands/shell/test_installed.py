"""The files for shells and for `man` that the package installs are what the commands say."""

from __future__ import annotations

import subprocess
import tomllib

import click

from pcs_wrapper.cli import cli
from pcs_wrapper.commands.shell.installed import files
from pcs_wrapper.commands.shell.manual import pages
from tests.unit.house.arrows import CHECKOUT

SHARE = CHECKOUT / "share"


def test_the_files_are_up_to_date() -> None:
    """Whoever changes a command or its help runs script/reference."""
    there = {str(path.relative_to(SHARE)) for path in SHARE.rglob("*") if path.is_file()}
    expected = files(cli)
    assert there == expected.keys()
    assert {name: (SHARE / name).read_text() for name in there} == expected


def test_the_package_installs_them() -> None:
    """They go beside the program, into the folder in which shells and `man` look."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["shared-data"] == {"share": "share"}


def test_bash_takes_its_script() -> None:
    """It has no mistake in its syntax."""
    script = SHARE / "bash-completion/completions/takeover"
    subprocess.run(["bash", "-n", script], check=True, timeout=30)


def test_every_command_has_a_page() -> None:
    """Also one of a group, which `man` finds by both of its words."""
    names = set(pages(cli, "takeover"))
    assert {"takeover.1", "takeover-apply.1", "takeover-service.1", "takeover-node-pause.1"} < names


@click.command()
@click.argument("file")
@click.option("-n", "--number", metavar="N", help="How many; see `seq`.")
def odd(file: str, number: str) -> None:
    """Print lines.

    .dots at the beginning, and C:\\paths are text, and so is `--this`.

    \b
    Example:
      takeover odd -n 2 '.file'

    Exit codes: 0 all is well; 1 nothing is,
    and it is said.
    """  # noqa: D301 - \b is click's


def test_a_page_has_all_that_the_help_says() -> None:
    """In the sections in which one looks for it, and nothing that troff would obey."""
    [page] = pages(odd, "odd").values()
    assert page == (
        '.TH ODD 1 "" "Takeover" "Takeover"\n'
        ".\\\" Written by script/reference from the command's help.\n"
        ".SH NAME\nodd \\- Print lines\n"
        ".SH SYNOPSIS\n\\fBodd\\fP [OPTIONS] FILE\n"
        ".SH DESCRIPTION\n.PP\nPrint lines.\n"
        ".PP\n\\&.dots at the beginning, and C:\\epaths are text, and so is \\fB\\-\\-this\\fP.\n"
        ".SH OPTIONS\n"
        ".TP\n\\fB\\-n\\fP, \\fB\\-\\-number\\fP N\nHow many; see \\fBseq\\fP.\n"
        ".TP\n\\fB\\-\\-help\\fP\nShow this message and exit.\n"
        ".SH EXAMPLES\n.PP\n.nf\n.RS\ntakeover odd \\-n 2 '.file'\n.RE\n.fi\n"
        ".SH EXIT STATUS\n.TP\n\\fB0\\fP\nall is well\n"
        ".TP\n\\fB1\\fP\nnothing is, and it is said\n"
        ".SH SEE ALSO\n\\fBpcs\\fP(8)\n"
    )
