"""In no situation are our agents worse than the stock agents that they take the place of.

Each situation is made twice, on a new node each time, with the same parameters. What the agents do
is graded by facts: a right answer is better than a failure that says so, and that is better than
what is untrue, costs data, or harms what has nothing to do with it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.rig.on_host.against_stock import addresses, applications, filesystems
from tests.rig.on_host.against_stock.site import HEARTBEAT, Grade, Site, node_with_one_agent

pytestmark = pytest.mark.skipif(
    not Path(HEARTBEAT).exists(), reason="resource-agents is not installed"
)
Situation = Callable[[Site], Grade]


def situations(module: ModuleType) -> list[Situation]:
    """Return the situations of a module."""
    found = inspect.getmembers(module, inspect.isfunction)
    own = [each for _, each in found if each.__module__ == module.__name__]
    return [each for each in own if inspect.signature(each).return_annotation == "Grade"]


ALL = [each for module in (addresses, filesystems, applications) for each in situations(module)]


def name(situation: Situation) -> str:
    """Return what a situation is called."""
    return f"{situation.__module__.rpartition('.')[2]}: {situation.__name__.replace('_', ' ')}"


@pytest.mark.parametrize("situation", ALL, ids=name)
def test_ours_is_nowhere_worse(agents: Path, tmp_path: Path, situation: Situation) -> None:
    """Nor is it wrong anywhere, whatever the stock agent is."""
    grades = {}
    for ours in (False, True):
        folder = tmp_path / ("ours" if ours else "stock")
        folder.mkdir()
        with node_with_one_agent(agents, folder, ours=ours) as site:
            grades[ours] = situation(site)
    print(f"{name(situation)}: stock {grades[False].name}, ours {grades[True].name}")
    assert grades[True] >= grades[False]
    assert grades[True] != Grade.WRONG


def test_there_are_as_many_situations_as_are_told() -> None:
    """Of each agent some."""
    assert len(ALL) >= 42
    assert all(len(situations(module)) >= 12 for module in (addresses, filesystems, applications))
