"""A demo that is killed at any moment is in the way of nothing: no next demo, no other program."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.remains import remains
from vagrant.one_machine.layout import Layout
from vagrant.one_machine.rig import OneMachineRig

_NAME = "test-demo"
_DEMO = ["script/demo", "--name", _NAME]

#: When to kill: what the demo prints at that time, and how many seconds later. In the order of the
#: demo, so that each one shows that the demo works up to there after the one before was killed.
MOMENTS = [
    ("The rig: three nodes", 0.2),
    ("booting 3 nodes with", 0.1),
    ("booting 3 nodes with", 1.5),
    ("takeover agents install", 0.0),
    ("attach-lun attach", 0.05),
    ("initdb", 0.2),
    ("takeover cluster create", 3.0),
    ("takeover apply", 1.0),
    ("Fault: PostgreSQL killed", 1.0),
    ("Fault: node cut off", 4.0),
]


@pytest.fixture(scope="module", autouse=True)
def clean() -> Iterator[None]:
    """No rig of the demo's before, and none afterwards."""
    OneMachineRig(_NAME).down()
    yield
    OneMachineRig(_NAME).down()


def _killed_demo(text: str, delay: float) -> None:
    with subprocess.Popen(_DEMO, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        shown = []
        for line in demo.stdout:
            shown.append(line)
            if text in line:
                break
        else:
            pytest.fail(f"the demo ended before {text!r}:\n{''.join(shown[-20:])}")
        time.sleep(delay)
        assert demo.poll() is None, "the demo ended before it was killed"
        demo.kill()


@pytest.mark.parametrize(("number", "text", "delay"), [(i, *m) for i, m in enumerate(MOMENTS)])
def test_a_killed_demo_leaves_nothing_that_down_does_not_remove(
    number: int, text: str, delay: float
) -> None:
    """After SIGKILL, `script/rig down` removes everything; every other time the next demo does."""
    _killed_demo(text, delay)
    if number % 2:
        return
    layout = Layout.load(_NAME)
    subprocess.run(["script/rig", "--name", _NAME, "down"], check=True)
    if layout is not None:
        end = time.monotonic() + 10
        while found := remains(layout):
            assert time.monotonic() < end, found
            time.sleep(0.1)


def test_the_demo_after_a_killed_one_works(tmp_path: Path) -> None:
    """It ends with 0 and the figures of all four faults, and takes its rig down."""
    _killed_demo("takeover agents install", 0.0)
    figures = tmp_path / "demo.json"
    demo = subprocess.run(
        [*_DEMO, "--json", str(figures)], capture_output=True, text=True, check=False
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    faults = json.loads(figures.read_text())["faults"]
    assert [set(fault) for fault in faults] == [
        {"name", "outage_s", "acknowledged", "lost", "double_mounts", "from", "to"}
    ] * 4
    assert all(fault["lost"] == 0 and fault["double_mounts"] == 0 for fault in faults)
    assert not OneMachineRig(_NAME).is_up()
