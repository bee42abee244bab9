"""Commands on a cluster that cannot act: they say why at once, and nothing is stopped for them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.breaking import broken_fencing, cut_off
from tests.rig.conftest import Shop
from tests.rig.test_apply import LONGEST_PAUSE
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import cluster_status
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

#: In which a command that is refused has to end, in seconds.
AT_ONCE = 5.0
#: How many times as long as a look at the status such a command may take: it waits for nothing.
_LOOKS = 4
#: How often it is timed: the quickest counts, since a busy moment is the machine's, not its own.
_TRIES = 3
#: In which a wait that cannot end is given up, in seconds: its limit is many minutes.
_SOON = 60.0
_FENCED = 120.0
_BATCH = """
[services.batch]
pattern = "standby"
nodes = [{nodes}]

[services.batch.app]
command = ["/usr/bin/sleep", "1000000"]
"""
_WITH, _CHANGED, _CURE = "/root/sick-with.toml", "/root/sick-changed.toml", "/root/sick-cure.toml"


@dataclass(frozen=True)
class Sick:
    """A cluster with a node that must be fenced and cannot be.

    Attributes:
        shop: The cluster, its service and its client.
        lost: The node that cannot be fenced.
        node: The node on which commands are typed.
        undo: Ends it: first the power switch works again, then the cables are plugged in.
    """

    shop: Shop
    lost: str
    node: str
    undo: ExitStack

    @property
    def rig(self) -> Rig:
        """The rig."""
        return self.shop.rig

    def takeover(self, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
        """Run a command, and return its result and the seconds that it took."""
        begin = time.monotonic()
        result = self.rig.run(self.node, "takeover", *arguments)
        took = time.monotonic() - begin
        print(f"takeover {' '.join(arguments)}: {took:.1f} s, rc {result.returncode}\n"
              f"{result.stdout}{result.stderr}")  # fmt: skip
        return result, took

    def ran(self) -> str:
        """Return which process of the service batch runs, wherever that is."""
        where = self.rig.run(self.node, "crm_resource", "--locate", "--resource", "batch-app")
        node = where.stdout.strip().rpartition(" ")[2]
        return self.rig.run(node, "pgrep", "-f", "/usr/bin/sleep 1000000", check=True).stdout

    def configuration(self) -> str:
        """Return what is configured."""
        query = ("cibadmin", "--query", "--scope", "configuration")
        return self.rig.run(self.node, *query, check=True).stdout


@pytest.fixture
def sick(shop: Shop) -> Iterator[Sick]:
    """Return a cluster with a service of which nothing runs on the node that cannot be fenced."""
    rig = shop.rig
    node = active_node(rig)
    lost = next(each for each in reversed(rig.layout.node_names) if each != node)
    others = ", ".join(f'"{each}"' for each in rig.layout.node_names if each != lost)
    text = rig.run("node1", "cat", DESCRIPTION, check=True).stdout
    batch = _BATCH.format(nodes=others)
    rig.write(node, DESCRIPTION, text)
    rig.write(node, _WITH, text + batch)
    rig.write(node, _CHANGED, text + batch.replace("1000000", "2000000"))
    cured = text.replace("[fencing.rig]", '[fencing.rig]\ntimeout = "61s"')
    rig.write(node, _CURE, cured + batch.replace("1000000", "2000000"))
    with ExitStack() as end:
        end.callback(rig.run, node, "takeover", "apply", DESCRIPTION)
        end.callback(wait_until_whole, rig)
        rig.run(node, "takeover", "apply", _WITH, check=True)
        undo = end.enter_context(ExitStack())
        cables = undo.enter_context(ExitStack())
        undo.enter_context(broken_fencing(rig, lost))
        cables.enter_context(cut_off(rig, lost))

        def refuses() -> bool:
            return bool(cluster_status(rig, node)["failed_fencing"])

        assert eventually(refuses, _FENCED * shop.patience)
        yield Sick(shop, lost, node, undo)


@pytest.mark.one_machine("SBD is in the node itself, and has no switch that could refuse")
def test_a_node_that_cannot_be_fenced_is_told_before_anything_is_stopped(
    shop: Shop, sick: Sick
) -> None:
    """Apply and rollback refuse at once, whoever knows better goes on, and the cure is let in."""
    rig, patience = shop.rig, shop.patience
    configured, ran = sick.configuration(), sick.ran()
    shop.client.write_steadily(1)
    begin = time.monotonic()
    for command in (("apply", _CHANGED), ("rollback", "--yes")):
        tries = [sick.takeover(*command) for _ in range(_TRIES)]
        # On a machine that is busy with something else, a mere look takes long, too.
        limit = max(AT_ONCE * patience, _LOOKS * sick.takeover("status")[1])
        assert min(took for _, took in tries) < limit
        for result, _ in tries:
            assert result.returncode == 1
            # Nothing is pushed, and the settling of the cluster is not waited for.
            assert "pushing" not in result.stderr
            assert "waiting" not in result.stderr
            assert f"{sick.lost} is UNCLEAN (offline) and must be fenced" in result.stderr
            assert "Nothing was changed" in result.stderr
            # Who the agent has run on knows its words; any other node knows where they are.
            told = f"the power switch of {sick.lost} refuses" in result.stderr
            assert told or "the reason is only in the journal of node" in result.stderr
    plan, _ = sick.takeover("plan", "--json", _CHANGED)
    assert [each["code"] for each in json.loads(plan.stdout)["obstacles"]] == ["fencing-fails"]
    assert "may not be served until" in sick.takeover("plan", _CHANGED)[0].stdout
    assert sick.configuration() == configured
    assert sick.ran() == ran
    outage = shop.client.outage(begin, time.monotonic())
    print(f"longest pause of the client: {outage:.3f} s")
    assert outage < LONGEST_PAUSE * patience

    result, took = sick.takeover("apply", "--even-so", _CHANGED)
    assert result.returncode == 1
    assert took < _SOON * patience
    assert sick.configuration() != configured
    assert "the change is still in the cluster" in result.stdout

    with ThreadPoolExecutor() as pool:
        cure = pool.submit(sick.takeover, "apply", _CURE)
        assert eventually(lambda: 'timeout="61s"' in sick.configuration(), _SOON * patience, 0.2)
        rig.set_fencing(sick.lost, works=True)
        result, _ = cure.result()
    assert result.returncode == 0, result.stdout + result.stderr
    sick.undo.close()
    wait_until_whole(rig)
    result, _ = sick.takeover("apply", _WITH)
    assert result.returncode == 0, result.stdout + result.stderr
    assert shop.client.check().lost == []
