"""Groups of commands that import a command only when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called.

    Args:
        lazy: The place of each command (`module:name`), and a line about what it does.
        arguments: The arguments of click.Group.
    """

    def __init__(self, *, lazy: dict[str, tuple[str, str]], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, in the order in which they are used."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command, and return it."""
        if cmd_name not in self._lazy:
            return None
        module, _, name = self._lazy[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        return command if isinstance(command, click.Command) else None

    def summary(self, cmd_name: str) -> str:
        """Return the line about a command, without importing it; empty if there is none."""
        return self._lazy.get(cmd_name, ("", ""))[1]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the words that may come next, without importing the commands."""
        from click.shell_completion import CompletionItem

        options = click.Command.shell_complete(self, ctx, incomplete)
        commands = [name for name in self._lazy if name.startswith(incomplete)]
        return [CompletionItem(name, help=self.summary(name)) for name in commands] + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in self._lazy.items()])


def summary(group: click.Command, name: str) -> str:
    """Return the line about one of a group's commands; empty if the group has none for it."""
    return group.summary(name) if isinstance(group, LazyGroup) else ""
