"""Run the test cases that come with resource-agents (ocft), pointed at another agent.

Debian's own `ocft` turns its configuration into one script for each case. Here they run on a node
of namespaces: its folders in /run and /var/lib are the node's alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.rig.on_host.conftest import Node

CONFIGS = Path("/usr/share/resource-agents/ocft/configs")
CASES = Path("/var/lib/resource-agents/ocft/cases")
RUNTIME = Path("/run/resource-agents")

# The scripts look once a second whether the agent has ended: as a function, so that the agents'
# own `sleep` is what it was. The limit of 20 s is then as many more looks.
LOOKS_PER_SECOND = 20
SLEEP = f"() {{ command sleep {1 / LOOKS_PER_SECOND}; }}"
LIMIT = 20

COLOURS = re.compile(r"\x1b\[\d*m")


class Case(NamedTuple):
    """What came of one case; `output` says what was expected and what the agent said."""

    number: int
    name: str
    passed: bool
    output: str


def run_ocft(
    node: Node, config: str, *, agent: Path, replace: Mapping[str, str], folder: Path
) -> list[Case]:
    """Run all cases of a configuration, and return what came of them.

    Parameters: the node, the name of a file in `CONFIGS`, the agent to test, text of the
    configuration to replace (the addresses of somebody's network), an empty folder to work in.
    """
    _private(node, CASES.parents[2])
    _private(node, RUNTIME)
    configured = _configuration(config, agent, replace)
    (folder / config).write_text(configured)
    made = node.run("ocft", "make", "-d", str(folder), config).stdout
    names = [line.partition(": ")[2] for line in made.splitlines() if "- case " in line]
    _script(node, f"setup_{config}.sh")
    try:
        return [_run(node, config, number, name) for number, name in enumerate(names)]
    finally:
        _script(node, f"cleanup_{config}.sh")


def _private(node: Node, path: Path) -> None:
    """Put an empty folder of the node's own over one of the host."""
    if node.run("mountpoint", "--quiet", str(path), check=False).returncode:
        node.run("mount", "-t", "tmpfs", "tmpfs", str(path))


def _configuration(config: str, agent: Path, replace: Mapping[str, str]) -> str:
    lines = []
    for line in (CONFIGS / config).read_text().splitlines():
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        settings = {
            "Agent": f"\tAgent {agent.name}",
            "AgentRoot": f"\tAgentRoot {agent.parent}",
            "HangTimeout": f"\tHangTimeout {LIMIT * LOOKS_PER_SECOND}",
        }
        lines.append(settings.get(word, line))
    text = "\n".join(lines) + "\n"
    for old, new in replace.items():
        text = text.replace(old, new)
    return text


def _run(node: Node, config: str, number: int, name: str) -> Case:
    code, output = _script(node, f"{number}_{config}.sh", check=False)
    # ocft looks for what the agent said in another folder than it has put it into.
    said = node.run("cat", str(RUNTIME / ".ocft_runlog"), check=False).stdout
    return Case(number, name.strip(), code == 0, COLOURS.sub("", output) + said)


def _script(node: Node, script: str, *, check: bool = True) -> tuple[int, str]:
    # The function comes as bash exports it; `env` because not every program takes such names.
    done = node.run(
        *["env", f"--chdir={CASES}", f"BASH_FUNC_sleep%%={SLEEP}"],
        *[f"OCF_RESKEY_CRM_meta_timeout={LIMIT * 1000}", "bash", str(CASES / script)],
        check=check,
        HA_RSCTMP=str(RUNTIME),
    )
    return done.returncode, done.stdout + done.stderr
