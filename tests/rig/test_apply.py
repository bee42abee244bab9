"""`apply` on real clusters: what does harm comes back by itself, and nothing is ever between."""

import json
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.rig.conftest import Shop
from vagrant.common.errors import RigError
from vagrant.common.waiting import eventually
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import SERVICE, cluster_status
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

NODE = "node1"
#: What a client may notice of an apply that is no concern of its service, in seconds.
LONGEST_PAUSE = 1.0
_BATCH = """
[services.batch]
pattern = "standby"
nodes = ["node2", "node3", "node1"]

[services.batch.app]
command = ["/usr/bin/sleep", "1000000"]

[services.batch.address]
ip = "198.51.100.150"
prefix = 24
"""
_WITH, _BROKEN, _OTHER, _SLOW = (
    "/root/with-batch.toml",
    "/root/broken-batch.toml",
    "/root/other-batch.toml",
    "/root/slow-batch.toml",
)
#: What was asked when an apply was killed: nothing depends on it, and the next apply takes it out.
_SURVEY = re.compile(r' *<primitive id="takeover-survey-.*?</primitive>\n', re.DOTALL)
#: Written by the service that needs longer to stop than Pacemaker gives what it knows nothing of.
_ENDED = "/var/lib/batch-ended"
_TAKES_ITS_TIME = (
    "import pathlib, signal, time; term = [signal.SIGTERM]; "
    "signal.pthread_sigmask(signal.SIG_BLOCK, term); signal.sigwait(term); time.sleep(22); "
    f"pathlib.Path({_ENDED!r}).touch()"
)


@pytest.fixture(scope="module", autouse=True)
def others(shop: Shop) -> Iterator[dict[str, str]]:
    """The starts of what no test here changes: the demo's service, and a resource made by pcs.

    The node has descriptions of the demo's service with another one, with that one broken, with
    another time of its monitor, and with one that takes its time to stop.
    """
    text = shop.rig.run(NODE, "cat", DESCRIPTION, check=True).stdout
    shop.rig.write(NODE, _WITH, text + _BATCH)
    command = '"/usr/bin/sleep", "1000000"]'
    shop.rig.write(NODE, _BROKEN, text + _BATCH.replace(command, '"/usr/bin/false"]'))
    shop.rig.write(NODE, _OTHER, text + _BATCH.replace(command, f'{command}\nmonitor = "30s"'))
    slow = f'"/usr/bin/python3", "-c", "{_TAKES_ITS_TIME}"]'
    shop.rig.write(NODE, _SLOW, text + _BATCH.replace(command, slow))
    with shop.made_with_pcs("theirs"):
        yield of_others(starts(shop.rig))
        apply(shop.rig, DESCRIPTION)
    wait_until_whole(shop.rig)


def takeover(rig: Rig, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the node."""
    return rig.run(NODE, "takeover", *arguments)


def apply(rig: Rig, file: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Apply a description that must succeed."""
    return rig.run(NODE, "takeover", "apply", *options, file, check=True)


def history(rig: Rig, node: str = NODE) -> list[dict[str, Any]]:
    """The checkpoints that a node knows of, the newest first."""
    result = rig.run(node, "takeover", "history", "--json", check=True)
    checkpoints: list[dict[str, Any]] = json.loads(result.stdout)["checkpoints"]
    return checkpoints


def configuration(rig: Rig) -> str:
    """What is configured: without the status, the versions and the record of what was changed."""
    query = ("cibadmin", "--query", "--scope", "configuration")
    found = rig.run(NODE, *query, check=True).stdout
    return re.sub(r"(?s)\s*<template id=\"takeover-history\".*?</template>", "", found)


def at_work(rig: Rig) -> str:
    """The command that has begun to change the cluster, as history tells; empty if none has."""
    told = takeover(rig, "history").stderr
    found = re.search(r"`([^`]+)` of .* is changing the cluster", told)
    return found[1] if found else ""


def states(rig: Rig) -> dict[str, str]:
    """The state of each service."""
    return {each["id"]: each["state"] for each in cluster_status(rig, NODE)["services"]}


def starts(rig: Rig) -> dict[str, str]:
    """When each resource was started, as Pacemaker has it."""
    xml = rig.run(NODE, "crm_mon", "--output-as=xml", "--one-shot", check=True).stdout
    found: dict[str, str] = {}
    for name, history_ in re.findall(r'<resource_history id="([^"]+)"(.*?)</resource_h', xml, re.S):
        for call, at in re.findall(
            r'call="(\d+)" task="start".*?last-rc-change="([^"]+)"', history_
        ):
            found[f"{name} {call}"] = at
    return found


def of_others(found: dict[str, str]) -> dict[str, str]:
    """The starts of the demo's service and of what pcs made."""
    return {name: at for name, at in found.items() if name.startswith((SERVICE, "theirs"))}


def test_a_change_that_cannot_start_comes_back_by_itself(
    shop: Shop, others: dict[str, str]
) -> None:
    """The configuration is as before, the reason is told, and the client noticed nothing."""
    before = configuration(shop.rig)
    shop.client.write_steadily(1)
    begin = time.monotonic()
    result = takeover(shop.rig, "apply", _BROKEN)
    end = time.monotonic()
    assert result.returncode == 1, result.stdout + result.stderr
    assert "start of batch-app failed" in result.stdout
    assert "ended with 1" in result.stdout
    assert "the change was rolled back" in result.stdout
    assert re.search(r"\d s  start of batch-app failed on node\d: ", result.stderr)
    assert configuration(shop.rig) == before
    assert cluster_status(shop.rig, NODE)["failures"] == []
    assert of_others(starts(shop.rig)) == others
    outage = shop.client.outage(begin, end)
    print(
        f"apply and rollback took {end - begin:.1f} s; longest pause of the client {outage:.3f} s"
    )
    assert outage < LONGEST_PAUSE * shop.patience
    assert shop.client.check().lost == []
    rollback, *earlier = history(shop.rig)
    change = next(each for each in earlier if each["command"] == "apply")
    assert change["state"] == "rolled back"
    assert change["number"] in rollback["undoes"]


def test_a_good_one_of_the_same_name_starts_at_once(shop: Shop) -> None:
    """The failures went with the rollback: nothing keeps the next try from the nodes."""
    apply(shop.rig, _WITH, "--message", "the batch service")
    assert set(states(shop.rig).values()) == {"running"}
    assert "batch" in states(shop.rig)
    newest = history(shop.rig)[0]
    assert (newest["state"], newest["message"]) == ("applied", "the batch service")
    assert newest["changes"]["created"][0] == "batch"
    modes = shop.rig.run(NODE, "stat", "-c", "%a", "/var/lib/takeover/checkpoints", check=True)
    assert modes.stdout.strip() == "700"


def test_a_changed_service_that_cannot_start_runs_again(shop: Shop) -> None:
    """It is stopped by its own change, and is back with its old command, its failures forgotten."""
    result = takeover(shop.rig, "apply", _BROKEN)
    assert result.returncode == 1
    assert "batch: running" in result.stdout.partition("the change was rolled back")[2]
    assert states(shop.rig)["batch"] == "running"
    assert cluster_status(shop.rig, NODE)["failures"] == []


def test_an_edit_of_the_same_object_is_refused_and_kept(shop: Shop) -> None:
    """An edit with pcs comes between the look and the push of apply: it stays, apply gives way."""
    edit = "pcs resource update batch-address op monitor interval=77s"
    pcs = "/usr/local/sbin/pcs"
    script = (
        '#!/bin/sh\n/usr/sbin/pcs "$@"; code=$?\n'
        f'if [ "$1 $2" = "cluster cib" ]; then {edit.replace("pcs", "/usr/sbin/pcs", 1)} >&2; fi\n'
        "exit $code\n"
    )
    shop.rig.write(NODE, pcs, script)
    try:
        shop.rig.run(NODE, "chmod", "700", pcs, check=True)
        result = takeover(shop.rig, "apply", _OTHER)
    finally:
        shop.rig.run(NODE, "rm", pcs, check=True)
    assert result.returncode == 1
    assert "somebody else has changed batch since" in result.stderr
    found = configuration(shop.rig)
    assert 'interval="77s"' in found
    assert 'interval="30s"' not in found
    assert history(shop.rig)[0]["state"] == "failed"
    apply(shop.rig, _WITH)


def test_a_rollback_by_hand(shop: Shop) -> None:
    """What it would do is shown first, then done; what pcs changed meanwhile stays."""
    without = configuration(shop.rig)
    apply(shop.rig, _OTHER)
    shop.rig.run(NODE, "pcs", "property", "set", "batch-limit=17", check=True)
    try:
        number = str(history(shop.rig)[0]["number"])
        shown = takeover(shop.rig, "rollback", "--dry-run", number)
        assert "changed: batch" in shown.stdout
        assert "cibadmin --patch" in shown.stdout
        asked = takeover(shop.rig, "rollback", number)
        assert asked.returncode != 0, "without --yes and without an answer nothing is done"
        assert 'interval="30s"' in configuration(shop.rig)
        assert takeover(shop.rig, "rollback", "--yes", number).returncode == 0
        now = configuration(shop.rig)
        assert 'interval="30s"' not in now
        assert "batch-limit" in now
    finally:
        shop.rig.run(NODE, "pcs", "property", "unset", "batch-limit", check=True)
    assert configuration(shop.rig) == without


def test_what_is_not_confirmed_is_rolled_back(shop: Shop) -> None:
    """Nobody says `takeover confirm`: the timer takes the change back, with apply long gone."""
    before = configuration(shop.rig)
    result = apply(shop.rig, _OTHER, "--confirm", f"{15 * shop.patience:.0f}s")
    assert "takeover confirm" in result.stdout
    assert history(shop.rig)[0]["state"] == "unconfirmed"
    assert eventually(lambda: configuration(shop.rig) == before, 60 * shop.patience, 0.5)
    limit = 30 * shop.patience
    assert eventually(lambda: history(shop.rig)[0]["state"] == "applied", limit, pause=0.5)
    rollback, change = history(shop.rig)[:2]
    assert (change["state"], rollback["message"]) == ("rolled back", "not confirmed in time")
    # It still waits for the cluster, and nobody else may change that meanwhile.
    lock = ("python3", "-c", "import fcntl; fcntl.flock(open('/var/lib/takeover/lock'), 6)")
    limit = 120 * shop.patience
    assert eventually(lambda: shop.rig.run(NODE, *lock).returncode == 0, limit, pause=0.5)
    wait_until_whole(shop.rig)


def test_what_is_confirmed_stays(shop: Shop) -> None:
    """After `takeover confirm` the timer is gone, and nothing is rolled back."""
    apply(shop.rig, _OTHER, "--confirm", f"{60 * shop.patience:.0f}s")
    assert takeover(shop.rig, "confirm").returncode == 0
    timers = shop.rig.run(NODE, "systemctl", "list-timers", "--all", check=True).stdout
    assert "takeover-unconfirmed" not in timers
    assert history(shop.rig)[0]["state"] == "confirmed"
    assert 'interval="30s"' in configuration(shop.rig)
    apply(shop.rig, _WITH)


def test_one_apply_at_a_time(shop: Shop) -> None:
    """The second one is refused at once, and says who is at work."""
    with _begun(shop.rig, _OTHER) as (first, pid):
        # Until it has read all that it needs takes its time while other clusters are tested, too.
        assert eventually(lambda: at_work(shop.rig) == "takeover apply", 120 * shop.patience)
        # On a slow machine it would be done before the second one has come to the question.
        _signal(shop.rig, pid, signal.SIGSTOP)
        try:
            second = takeover(shop.rig, "apply", _WITH)
        finally:
            _signal(shop.rig, pid, signal.SIGCONT)
        assert first.wait(120 * shop.patience) == 0
    assert second.returncode == 1
    assert re.search(
        r"`takeover apply` of \w+ \(process \d+, since .*\) is changing", second.stderr
    )
    apply(shop.rig, _WITH)


@pytest.mark.alone("trixie")
def test_killed_at_twenty_moments(shop: Shop) -> None:
    """SIGKILL from the start to the end of an apply: old or new, and the next command says which.

    Or, where a service is removed, the one without it or the one in which it shall be stopped.
    The moments are spread over the time that one apply takes, with a fixed seed.
    """
    applied: dict[str, str] = {}
    durations = []
    for file in (DESCRIPTION, _WITH):
        begin = time.monotonic()
        apply(shop.rig, file)
        durations.append(time.monotonic() - begin)
        applied[file] = configuration(shop.rig)
    shop.rig.run(NODE, "pcs", "resource", "disable", "batch", check=True)
    stopped = configuration(shop.rig)
    shop.rig.run(NODE, "pcs", "resource", "enable", "batch", shop.pcs_waits, check=True)
    assert configuration(shop.rig) == applied[_WITH]
    assert len({*applied.values(), stopped}) == 3
    chance = random.Random(4)  # noqa: S311 - for moments, not for secrets
    outcomes = {"pushed": 0, "not pushed": 0, "told": 0}
    began = time.monotonic()
    for number in range(20):
        old = _SURVEY.sub("", configuration(shop.rig))
        # One that was only stopped is removed by the next apply.
        target = _WITH if old == applied[DESCRIPTION] else DESCRIPTION
        # The machine has other things to do, too: the later moments shall still be within it.
        duration = min(durations) if target == _WITH else durations[0]
        after = duration * (number + chance.random()) / 20
        _kill(shop.rig, target, after)
        new = _SURVEY.sub("", configuration(shop.rig))
        assert new in (old, applied[target], stopped), f"killed after {after:.2f} s: between"
        assert target == DESCRIPTION or new != stopped
        outcomes["not pushed" if new == old else "pushed"] += 1
        told = takeover(shop.rig, "history", "--json")
        newest = json.loads(told.stdout)["checkpoints"][0]
        if "was interrupted" in told.stderr:
            outcomes["told"] += 1
            there = new == (stopped if newest["note"].startswith("stops") else applied[target])
            where = "the change is in the cluster" if there else "is not in the cluster"
            assert where in told.stderr
            assert newest["state"] == ("applied" if there else "failed")
        assert newest["state"] != "pushing"
    print(f"an apply took {durations} s; {outcomes}")
    # Twenty moments of an apply whose own length varies with the machine's load.
    assert all(outcomes.values())
    assert shop.client.outage(began, time.monotonic()) < LONGEST_PAUSE * shop.patience
    assert shop.client.check().lost == []


def test_what_is_removed_stops_in_its_own_time(shop: Shop) -> None:
    """By an apply and by a rollback; the rollback of the removal brings it back, and running."""
    apply(shop.rig, DESCRIPTION)
    without = configuration(shop.rig)
    apply(shop.rig, _SLOW)
    created = str(history(shop.rig)[0]["number"])
    running = configuration(shop.rig)
    apply(shop.rig, DESCRIPTION)
    assert configuration(shop.rig) == without
    assert _ended(shop.rig)
    assert takeover(shop.rig, "rollback", "--yes").returncode == 0
    assert configuration(shop.rig) == running
    assert states(shop.rig)["batch"] == "running"
    assert takeover(shop.rig, "rollback", "--yes", created).returncode == 0
    assert configuration(shop.rig) == without
    assert _ended(shop.rig)
    assert cluster_status(shop.rig, NODE)["failures"] == []


def _ended(rig: Rig) -> bool:
    """Whether the service had ended by itself on the node that ran it; it starts afresh then."""
    found = [rig.run(node, "rm", _ENDED).returncode for node in rig.layout.node_names]
    return found.count(0) == 1


def test_others_ran_on_through_all_of_it(shop: Shop, others: dict[str, str]) -> None:
    """A resource made by pcs survives more than ten applies; neither it nor the demo restarted."""
    applied = [each for each in history(shop.rig) if each["state"] != "failed"]
    assert len(applied) > 10
    assert 'id="theirs"' in configuration(shop.rig)
    assert of_others(starts(shop.rig)) == others


def _kill(rig: Rig, target: str, after: float) -> None:
    """Start an apply on the node and kill its process after a time, if it is still there."""
    limit = 60 * rig.equipment.patience
    with _begun(rig, target) as (process, pid):
        time.sleep(after)
        try:
            _signal(rig, pid, signal.SIGKILL)
        except RigError:
            assert process.wait(limit) == 0, "it had ended by itself, and not well"
        process.wait(limit)


@contextmanager
def _begun(rig: Rig, target: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start an apply on the node: the process here, and the ID of the one there."""
    # Not in the shell's place: nsenter(1) halts when its child is halted, and stays so.
    tell = 'takeover apply "$0" & echo $!; wait $!'
    with subprocess.Popen(
        rig.command(NODE, "sh", "-c", tell, target),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        pid = process.stdout.readline().strip()
        try:
            yield process, pid
        finally:
            # A test that has failed leaves none behind that the next one would have to wait for.
            rig.run(NODE, "kill", "-KILL", pid)
            process.kill()


def _signal(rig: Rig, pid: str, number: signal.Signals) -> None:
    """Send a signal to a process on the node; a RigError if there is none of that ID."""
    rig.run(NODE, "kill", f"-{number:d}", pid, check=True)
