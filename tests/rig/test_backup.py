"""`takeover backup`, and `takeover restore` on nodes on which nothing is left of the cluster."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.rig.conftest import Shop
from tests.rig.test_apply import configuration, history
from vagrant.demo.faults import wait_until_whole
from vagrant.description import DESCRIPTION
from vagrant.one_machine.layout import WITNESS

pytestmark = pytest.mark.alone("bookworm")

NODE, FILE = "node2", "/root/shop.tar.gz"
PASSWORD = "/root/hacluster.password"
SCRIPT = "/opt/alerts/note.sh"
_SERVED_LIMIT = 120.0
#: What pcs, Corosync, Pacemaker and Takeover have written on a node.
_CHECKPOINTS = "/var/lib/takeover/checkpoints"
_LEFT = ("/var/lib/takeover", "/var/lib/pcsd/known-hosts", "/var/lib/pacemaker/cib", SCRIPT)


@pytest.fixture
def witness(shop: Shop) -> Iterator[bool]:
    """Have a witness vote, if the rig has a host for one; at the end it votes no more."""
    if not shop.rig.status().get("witness"):
        yield False
        return
    types = shop.admin.types
    types(WITNESS, "systemctl", "start", "corosync-qnetd")
    given = ("--password-file", PASSWORD, "--timeout", "3s")
    types("node1", "takeover", "witness", "add", WITNESS, *given)
    yield True
    types("node1", "takeover", "witness", "remove")
    wait_until_whole(shop.rig)


@pytest.fixture
def alert(shop: Shop) -> Iterator[None]:
    """An alert whose script is on every node."""
    shop.rig.run("node1", "pcs", "alert", "create", f"path={SCRIPT}", "id=note", check=True)
    for node in shop.rig.layout.node_names:
        shop.rig.run(node, "mkdir", "--parents", SCRIPT.rpartition("/")[0], check=True)
        shop.rig.write(node, SCRIPT, "#!/bin/sh\n")
        shop.rig.run(node, "chmod", "755", SCRIPT, check=True)
    yield
    shop.rig.run("node1", "pcs", "alert", "delete", "note", check=True)


def _restore(shop: Shop, *options: str) -> subprocess.CompletedProcess[str]:
    command = ("takeover", "restore", FILE, "--password-file", PASSWORD, "--yes", *options)
    result = shop.rig.run(NODE, *command)
    print(f"{' '.join(command)}: {result.returncode}\n{result.stdout}{result.stderr}")
    return result


@pytest.mark.usefixtures("alert")
def test_everything_comes_back_on_nodes_that_have_nothing_of_it(shop: Shop, witness: bool) -> None:
    """Destroyed and wiped: the services run again on their data, and the history goes on."""
    rig = shop.rig
    rig.write(NODE, PASSWORD, rig.run("node1", "cat", PASSWORD, check=True).stdout)
    rig.run(NODE, "chmod", "600", PASSWORD, check=True)
    text = rig.run("node1", "cat", DESCRIPTION, check=True).stdout
    rig.write(NODE, DESCRIPTION, text)
    rig.run(NODE, "takeover", "service", "ban", "shop", "node3", check=True)
    rig.run(NODE, "takeover", "service", "unpin", "shop", check=True)
    # What another node has not finished, only that one knows.
    before, changes = configuration(rig), history(rig, NODE)
    rig.run(NODE, "rm", "--force", FILE)
    checkpoints = rig.run(NODE, "ls", _CHECKPOINTS, check=True).stdout
    saved = rig.run(NODE, "takeover", "backup", FILE, DESCRIPTION, "--json", check=True)
    assert SCRIPT in [each["path"] for each in json.loads(saved.stdout)["files"]]
    refused = _restore(shop)
    assert refused.returncode == 1
    assert "runs on this machine" in refused.stderr

    rig.run(NODE, "pcs", "cluster", "stop", "--all", check=True)
    for node in rig.layout.node_names:
        rig.run(node, "pcs", "cluster", "destroy", check=True)
        rig.run(node, "rm", "--recursive", "--force", *_LEFT, check=True)
        rig.run(node, "systemctl", "restart", "pcsd", check=True)
    rig.run(NODE, "rm", "--force", DESCRIPTION, check=True)
    assert _is_gone(shop)

    began = time.monotonic()
    restored = _restore(shop)
    assert restored.returncode == 0
    assert f"every node needs {SCRIPT}" in restored.stdout
    print(f"restored in {time.monotonic() - began:.0f} s")
    for node in rig.layout.node_names:
        rig.run(node, "mkdir", "--parents", SCRIPT.rpartition("/")[0], check=True)
        rig.write(node, SCRIPT, "#!/bin/sh\n")
        rig.run(node, "chmod", "755", SCRIPT, check=True)
    wait_until_whole(rig)
    shop.client.wait_until_served(time.monotonic(), _SERVED_LIMIT)
    assert shop.client.check().lost == []
    assert configuration(rig) == before
    assert [each["number"] for each in history(rig, NODE)] == [each["number"] for each in changes]
    assert rig.run(NODE, "ls", _CHECKPOINTS, check=True).stdout == checkpoints
    assert rig.run(NODE, "cat", DESCRIPTION, check=True).stdout == text
    left = rig.run(NODE, "ls", "/var/lib/takeover", check=True).stdout
    assert "pcs-config" not in left
    assert "restore.json" not in left
    if witness:
        told = rig.run(NODE, "takeover", "quorum", "status", check=True).stdout
        assert f"the witness {WITNESS}" in told
    assert rig.run(NODE, "takeover", "drift", DESCRIPTION).returncode == 0


def _is_gone(shop: Shop) -> bool:
    """Tell whether no node has a configuration of the cluster any more."""
    exists = ("test", "-e", "/etc/corosync/corosync.conf")
    return all(shop.rig.run(node, *exists).returncode for node in shop.rig.layout.node_names)
