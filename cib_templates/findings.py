"""What is found wrong with a description."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# The path of a key in a description: `("services", "shop", "address", 0, "ip")`.
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One mistake in a description.

    Attributes:
        file: The description.
        line: Line number from 1; 0 when the mistake is of the file as a whole.
        path: Path of the key, such as `services.shop.address.ip`; empty for the file as a whole.
        message: What is wrong.
        hint: What would be right; empty when the message says it all.
    """

    file: Path
    line: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        path = f" {self.path}:" if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}:{path} {self.message}{hint}"


@dataclass(frozen=True)
class Contradiction:
    """Something wrong between values of a description, before it is known where they are written.

    Attributes:
        path: The key to correct.
        message: What is wrong.
        hint: What would be right.
    """

    path: KeyPath
    message: str
    hint: str
