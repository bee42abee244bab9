"""Instance parameters, declared once: what a value may be, its default, and what it is for.

From a declaration come the reading of the environment, validation, the meta-data
(OCF RA API 1.1, "Parameters") and the reference page.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class HasEnviron(Protocol):
        """What parameters are read from: an agent."""

        environ: Mapping[str, str]


# Pacemaker's words (crm_is_true), which are those of the stock agents' ocf_is_true, too.
TRUE = ("true", "yes", "on", "y", "1")
FALSE = ("false", "no", "off", "n", "0")


MOST_DIGITS = 18  # of a number that fits 64 bits; Python refuses to read thousands of them


def decimal(text: str) -> int | None:
    """Return a whole number that is written in ASCII digits, None for any other text.

    str.isdigit is true for "²" and for digits of other scripts, which are no numbers here.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


class Parameter:
    """One instance parameter, declared as a class attribute of its agent.

    Args:
        short: A description of a few words.
        long: A description of a few sentences.
        default: The default as text, "" for none.
        required: Whether it must be given.
        unique_group: The unique-group: no two resources may have the same values in one group.
        reloadable: Whether the agent can take over a changed value without a restart.
        replaced_with: The parameter to use instead, if this one is deprecated.
    """

    content = "string"
    options: tuple[str, ...] = ()

    def __init__(
        self,
        short: str,
        long: str,
        *,
        default: str = "",
        required: bool = False,
        unique_group: str = "",
        reloadable: bool = False,
        replaced_with: str = "",
    ) -> None:
        self.name = ""
        self.short = short
        self.long = long
        self.default = default
        self.required = required
        self.unique_group = unique_group
        self.reloadable = reloadable
        self.replaced_with = replaced_with

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def text(self, agent: HasEnviron) -> str:
        """Return the value as the cluster gave it, else the default."""
        return agent.environ.get("OCF_RESKEY_" + self.name) or self.default

    def problem(self, value: str) -> str | None:  # noqa: ARG002
        """Return what is wrong with a value that is not empty."""
        return None

    @property
    def range(self) -> str:
        """The values that it takes, in words; "" if that is any text."""
        return ""


class Text(Parameter):
    """A parameter that is any text; its value is "" if it is absent."""

    def __get__(self, agent: HasEnviron, owner: type) -> str:
        return self.text(agent)


class Choice(Text):
    """A parameter that takes one of a few words."""

    content = "select"

    def __init__(
        self,
        short: str,
        long: str,
        *,
        options: tuple[str, ...],
        default: str,
        reloadable: bool = False,
    ) -> None:
        super().__init__(short, long, default=default, reloadable=reloadable)
        self.options = options

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a value that is not empty."""
        if value in self.options:
            return None
        return f"{self.name}={value} is not {self.range}"

    @property
    def range(self) -> str:
        """The words that it takes."""
        return f"one of {', '.join(self.options)}"


class Integer(Parameter):
    """A parameter that is a whole number in a range; its value is None if it is absent or wrong."""

    content = "integer"

    def __init__(
        self,
        short: str,
        long: str,
        *,
        default: str = "",
        minimum: int = 0,
        maximum: int | None = None,
        reloadable: bool = False,
    ) -> None:
        super().__init__(short, long, default=default, reloadable=reloadable)
        self.minimum = minimum
        self.maximum = maximum

    def __get__(self, agent: HasEnviron, owner: type) -> int | None:
        text = self.text(agent)
        return int(text) if text and self.problem(text) is None else None

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a value that is not empty."""
        number = decimal(value.removeprefix("-"))
        if number is not None:
            number = -number if value.startswith("-") else number
            if self.minimum <= number and (self.maximum is None or number <= self.maximum):
                return None
        return f"{self.name}={value} is not {self.range}"

    @property
    def range(self) -> str:
        """The numbers that it takes."""
        if self.maximum is not None:
            return f"a whole number from {self.minimum} to {self.maximum}"
        return f"a whole number of at least {self.minimum}" if self.minimum else "a whole number"


class Boolean(Parameter):
    """A parameter that is true or false, in any of the words that the cluster itself takes."""

    content = "boolean"

    def __init__(self, short: str, long: str, *, default: bool, reloadable: bool = False) -> None:
        super().__init__(short, long, default="true" if default else "false", reloadable=reloadable)

    def __get__(self, agent: HasEnviron, owner: type) -> bool:
        text = self.text(agent).lower()
        return (text if text in TRUE + FALSE else self.default) in TRUE

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a value that is not empty."""
        return None if value.lower() in TRUE + FALSE else f"{self.name}={value} is not {self.range}"

    @property
    def range(self) -> str:
        """The two words that describe them all."""
        return "true or false"
