"""The phases of an unmount: what is allowed when."""

from __future__ import annotations

from ocf_agents.disk.unmount import DETACH, Phases
from ocf_agents.runtime.agent import Deadline


def test_a_disk_is_never_unmounted_lazily_not_even_when_the_time_is_over() -> None:
    """What still had a file open would go on writing, and no table would show the mount."""
    assert Phases(Deadline(0), network=False).flags == 0


def test_a_network_filesystem_is_unmounted_lazily_in_the_end() -> None:
    """Its server answers no more, and nothing else frees the folder."""
    assert Phases(Deadline(0), network=True).flags == DETACH
    assert Phases(Deadline(60), network=True).flags == 0
