"""The rules, a module for each group, in the order in which they are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcs_wrapper.conformance.rules import (
    broken,
    calling,
    clones,
    interrupted,
    life,
    metadata,
    traces,
)

if TYPE_CHECKING:
    from pcs_wrapper.conformance.rule import Chapter

# The traces come last: they judge what all the others have done.
CHAPTERS: tuple[Chapter, ...] = (
    calling.CHAPTER,
    metadata.CHAPTER,
    life.CHAPTER,
    broken.CHAPTER,
    clones.CHAPTER,
    interrupted.CHAPTER,
    traces.CHAPTER,
)
