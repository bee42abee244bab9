"""What `--dry-run` prints is what is then run, every write of it, on real clusters."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import PurePath

import pytest

from tests.rig.conftest import Shop
from vagrant.demo.faults import wait_until_whole
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

pytestmark = pytest.mark.alone("bookworm")

NODE = "node1"
_EXTRA = """
[services.extra]
pattern = "standby"

[services.extra.app]
command = ["/usr/bin/sleep", "1000000"]
"""
_WITH_EXTRA, _OTHER_FENCING = "/root/with-extra.toml", "/root/other-fencing.toml"
_RUNNING = " takeover.runner: running: "
#: What changes nothing; waiting is told with one limit, and done in several short looks.
_READS = [
    *(["crm_mon"], ["crm_simulate"], ["journalctl"], ["cibadmin", "--query"]),
    *(["pcs", "cluster", "cib"], ["pcs", "cluster", "config"], ["attrd_updater", "--query"]),
    *(["crm_resource", "--wait"], ["crm_verify"], ["env"], ["corosync-cfgtool"]),
    ["corosync-cmapctl"],
]


@pytest.fixture(scope="module", autouse=True)
def _descriptions(shop: Shop) -> Iterator[None]:
    """The node has descriptions with another service, and with another time of its fencing."""
    text = shop.rig.run(NODE, "cat", DESCRIPTION, check=True).stdout
    shop.rig.write(NODE, _WITH_EXTRA, text + _EXTRA)
    fencing = re.sub(r"(?m)^(\[fencing\.[^]]+\])$", r'\1\ntimeout = "50s"', text)
    assert fencing != text
    shop.rig.write(NODE, _OTHER_FENCING, fencing)
    yield
    shop.rig.run(NODE, "takeover", "apply", DESCRIPTION, check=True)
    wait_until_whole(shop.rig)


def _writes(lines: list[str]) -> list[str]:
    """Commands without reads, waits and the folders of their files.

    A push is repeated when something else came first: that is one write.
    """
    found: list[str] = []
    for line in lines:
        words = shlex.split(line.partition(" > ")[0])
        if any(words[: len(read)] == read for read in _READS) or _works_out_a_rollback(words):
            continue
        line_ = shlex.join(PurePath(w).name if "/takeover-" in w else w for w in words)
        if not found or found[-1] != line_:
            found.append(line_)
    return found


def _works_out_a_rollback(words: list[str]) -> bool:
    """Whether it takes a change out of a CIB in a file, to see what a rollback would be."""
    return words[0] == "crm_diff" and ("--no-version" in words or "--patch" in words)


def _shown(rig: Rig, *command: str) -> list[str]:
    """What a dry run prints as its commands: the lines of its steps that are no comments."""
    out = rig.run(NODE, "takeover", *command, "--dry-run", check=True).stdout
    steps = out.splitlines()
    begin = next((number for number, line in enumerate(steps) if line.startswith("# ")), len(steps))
    return _writes([line for line in steps[begin:] if not line.startswith("# ")])


def _run(rig: Rig, *command: str) -> list[str]:
    """What a command really runs, from its debug log."""
    done = rig.run(NODE, "env", "TAKEOVER_DEBUG=1", "takeover", *command, check=True)
    logged = [line.partition(_RUNNING) for line in done.stderr.splitlines()]
    return _writes([command_ for _, mark, command_ in logged if mark])


@pytest.mark.parametrize(
    ("file", "options", "program"),
    [
        (_WITH_EXTRA, [], "cibadmin"),
        (DESCRIPTION, [], "stop.xml"),
        (_OTHER_FENCING, [], "pcs stonith cleanup"),
        (DESCRIPTION, ["--confirm", "10m"], "systemd-run"),
    ],
    ids=["a service is created", "it is removed while it runs", "fencing", "to be confirmed"],
)
def test_apply(shop: Shop, file: str, options: list[str], program: str) -> None:
    """Each apply runs the commands that its dry run has printed, in their order."""
    shown = _shown(shop.rig, "apply", *options, file)
    assert any(program in command for command in shown)
    assert _run(shop.rig, "apply", *options, file) == shown


def test_rollback(shop: Shop) -> None:
    """So does each rollback: also of a change whose timer still runs."""
    shown = _shown(shop.rig, "rollback")
    assert any("systemctl stop" in command for command in shown)
    assert _run(shop.rig, "rollback", "--yes") == shown


def test_old_failures_of_what_is_removed(shop: Shop) -> None:
    """Those that Pacemaker keeps are deleted, and the dry run says so beforehand."""
    shop.rig.run(NODE, "takeover", "apply", _WITH_EXTRA, check=True)
    name = "fail-count-extra-app#monitor_5000"
    update = ("attrd_updater", f"--name={name}", "--update=1", "--node=node2")
    shop.rig.run(NODE, *update, check=True)
    shown = _shown(shop.rig, "apply", DESCRIPTION)
    assert f"attrd_updater --delete '--name={name}' --node=node2" in shown
    assert _run(shop.rig, "apply", DESCRIPTION) == shown


def test_create(shop: Shop) -> None:
    """A creation that finds everything there starts it, and pushes nothing."""
    shown = _shown(shop.rig, "cluster", "create", DESCRIPTION)
    assert not any("cibadmin" in command for command in shown)
    assert _run(shop.rig, "cluster", "create", DESCRIPTION) == shown


def test_json_has_the_same_commands(shop: Shop) -> None:
    """Programs get the commands of each step, and all of them in one list."""
    out = shop.rig.run(NODE, "takeover", "apply", "--dry-run", "--json", _WITH_EXTRA, check=True)
    told = json.loads(out.stdout)
    assert _writes(told["commands"]) == _shown(shop.rig, "apply", _WITH_EXTRA)
    assert told["commands"] == [line for step in told["steps"] for line in step["commands"]]
