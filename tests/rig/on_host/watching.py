"""What the watcher would look at for a resource on a node, and what it would say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.rig.on_host.conftest import Node

CHECKOUT = Path(__file__).parents[3]
WATCHES = """
from ocf_agents.filesystem import Filesystem
from ocf_agents.ip import Ip
agents = {each.name: each for each in (Filesystem, Ip)}
agent, given = about
found = agents[agent]({f"OCF_RESKEY_{name}": value for name, value in given.items()}).watches()
"""
PROBLEMS = """
from ocf_agents.watcher.watches import parse
found = [parse(each).problem() for each in about]
"""


def watches(node: Node, agent: str, given: dict[str, str]) -> list[str]:
    """Return what is watched for a resource that is started.

    Args:
        node: The node.
        agent: The agent.
        given: The parameters.
    """
    return _run(node, WATCHES, [agent, given])


def problems(node: Node, watched: list[str]) -> list[str]:
    """Return what is wrong with each of some watches, "" if nothing is."""
    return _run(node, PROBLEMS, watched)


def _run(node: Node, script: str, about: object) -> list[str]:
    begin = "import json, sys\nsys.path.insert(0, sys.argv[1])\nabout = json.loads(sys.argv[2])\n"
    command = (sys.executable, "-c", f"{begin}{script}print(json.dumps(found))", str(CHECKOUT))
    found: list[str] = json.loads(node.run(*command, json.dumps(about)).stdout)
    return found
