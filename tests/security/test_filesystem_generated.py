"""Odd parameters, surroundings and obstacles for every action of the filesystem agent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from ocf_agents.filesystem import Filesystem
from ocf_agents.install.launchers import install_agents
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import Code
from tests.rig.on_host.disks import image, loop
from tests.security.enclosed import USER, Enclosed
from tests.security.generated import (
    BRIEF,
    act,
    environment,
    obstacles,
    odd_parameters,
    odd_surroundings,
    put,
)

ACTIONS = ("start", "monitor", "reload-agent", "validate-all", "monitor", "stop", "monitor", "stop")
DIRECTORIES = st.sampled_from(("main", "main/", "other/main", "./main//x", "m\nain", "mäin\udcff"))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Enclosed]:
    node = Enclosed(install_agents(tmp_path)[0].parent, tmp_path / "rsctmp")
    yield node
    node.end()


@pytest.fixture
def theirs() -> Iterator[Path]:
    """Return a folder of a user's, in which the mount point is."""
    with tempfile.TemporaryDirectory(prefix="takeover-test-", dir="/opt") as name:
        os.chown(name, USER, USER)
        yield Path(name)


@BRIEF
@examples(
    odd=odd_parameters(Filesystem, "directory", "attach"),
    surroundings=odd_surroundings(),
    directory=DIRECTORIES,
    obstacle=obstacles(),
)
def test_no_answer_is_worse_than_the_question(
    *,
    node: Enclosed,
    theirs: Path,
    tmp_path: Path,
    odd: dict[str, str],
    surroundings: dict[str, str],
    directory: str,
    obstacle: str,
) -> None:
    """No traceback, no action over its time, and nothing mounted after a stop of 0."""
    disk = tmp_path / "disk.img"
    disk.unlink(missing_ok=True)
    with loop(image(disk, size=8)) as device:
        right = {"device": device, "directory": f"{theirs}/{directory}", "fstype": "ext4"}
        given = environment({**right, **odd}, surroundings)
        put(obstacle, theirs / "main", tmp_path / "secret", USER)
        try:
            for action in ACTIONS:
                code, said = act(node, "filesystem", action, given)
                if action == "stop" and code == Code.SUCCESS:
                    name = Path(device).name
                    assert not Path(f"/sys/fs/ext4/{name}").exists(), (odd, surroundings, said)
                    assert str(theirs) not in node.mounts()
            # As the administrator repairs it: the right parameters again, whatever went before.
            act(node, "filesystem", "stop", environment(right, surroundings))
        finally:
            clear(node, theirs)


def clear(node: Enclosed, theirs: Path) -> None:
    """Leave nothing of an example."""
    # Both are in the node's namespace alone.
    left = [line.split()[1] for line in node.mounts().splitlines() if str(theirs) in line]
    for point in reversed(left):
        node.run("umount", "--lazy", "--", mountinfo.unescape(point))
    node.run("find", str(theirs), "-mindepth", "1", "-delete")
    for state in node.state.glob("takeover-*"):
        if state.is_file():
            state.unlink()
