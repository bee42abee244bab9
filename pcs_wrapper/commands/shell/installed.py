"""The files that a package puts beside the program, for shells and for `man`."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from pcs_wrapper.commands.shell import completing, manual

#: Where each shell looks for it, below a folder such as /usr/local/share.
_SHELLS: dict[str, type[ShellComplete]] = {
    "bash-completion/completions/takeover": BashComplete,
    "zsh/site-functions/_takeover": ZshComplete,
    "fish/vendor_completions.d/takeover.fish": FishComplete,
}


def files(cli: click.Command) -> dict[str, str]:
    """Return the files, each by its path below `share`.

    Args:
        cli: The whole command line.
    """
    pages = manual.pages(cli, "takeover")
    return {**{f"man/man1/{name}": text for name, text in pages.items()}, **dict(_scripts(cli))}


def _scripts(cli: click.Command) -> Iterator[tuple[str, str]]:
    for path, shell in _SHELLS.items():
        complete = shell(cli, {}, "takeover", completing.VARIABLE)
        # Not `source()`, which first runs the bash of whoever calls it to see how old it is.
        text = complete.source_template % complete.source_vars()
        yield path, "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())
