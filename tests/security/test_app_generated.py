"""The application's agent under whatever its parameters, surroundings and files may be."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ocf_agents.app import App
from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import Node
from tests.security.conftest import NOBODY
from tests.security.generated import (
    BRIEF,
    act,
    environment,
    obstacles,
    odd_parameters,
    odd_surroundings,
    put,
)

LONGEST = "86500"  # seconds that the program sleeps: by it the test finds what is left
ACTIONS = ("validate-all", "monitor", "start", "monitor", "reload-agent", "stop", "monitor")
FILES = {
    "binfile": "{}",
    "workdir": "{}",
    "environment_file": "{}",
    "logfile": "{}",
    "errlogfile": "{}",
    "pidfile": "{}",
    "health": "command:{}",
    "ready": "command:{}",
    "monitor_hook": "{}",
}


def running() -> list[int]:
    """Return the processes of the application that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if LONGEST.encode() in words and words[0] == b"/bin/sleep":
            found.append(int(path.parent.name))
    return found


@BRIEF
@given(
    parameters=odd_parameters(App, "cmdline_options"),
    surroundings=odd_surroundings(),
    obstacle=obstacles(),
    file=st.sampled_from(sorted(FILES)),
    user=st.sampled_from(["nobody", ""]),
)
def test_whatever_is_given_every_action_answers_in_time(
    *,
    node: Node,
    theirs: Path,
    place: Path,
    parameters: dict[str, str],
    surroundings: dict[str, str],
    obstacle: str,
    file: str,
    user: str,
) -> None:
    """No traceback, no action over its time, no secret told, and after a stop of 0 nothing runs."""
    path = theirs / "file"
    put(obstacle, path, place / "secret", NOBODY.pw_uid)
    right = {
        "binfile": "/bin/sleep",
        "cmdline_options": LONGEST,
        "user": user,
        "ready_timeout": "1",
        "health_timeout": "1",
        "stop_timeout": "1",
        file: FILES[file].format(path),
    }
    name = {"OCF_RESOURCE_INSTANCE": f"host-test-{os.getpid()}"}
    environ = environment({**right, **parameters}, {**name, **surroundings})
    for action in ACTIONS:
        code, said = act(node, "app", action, environ)
        if action == "stop" and code == Code.SUCCESS:
            assert not running(), said
    for pid in running():
        os.kill(pid, 9)
    _empty(path)


def _empty(path: Path) -> None:
    """Remove what an application has made in a folder that was put in the way."""
    if path.is_dir() and not path.is_symlink():
        for each in path.iterdir():
            each.unlink()
