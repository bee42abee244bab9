"""`takeover plan` on a real cluster: what it says is what then happens."""

import json
from typing import Any

from tests.rig.conftest import Shop
from vagrant.demo.faults import FAULTS, active_node, inflict, wait_until_whole
from vagrant.demo.shop import SERVICE
from vagrant.description import DESCRIPTION, description


def plan(shop: Shop, text: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Ask on a node for the plan of a description: its exit code, and what it says."""
    node = shop.rig.layout.node_names[0]
    shop.rig.write(node, "/root/planned.toml", text)
    done = shop.rig.run(node, "takeover", "plan", "/root/planned.toml", "--json", *options)
    print(done.stderr)
    return done.returncode, json.loads(done.stdout or "{}")


def described(shop: Shop) -> str:
    """Return the description that the cluster was made from."""
    return description(shop.rig)


def test_outages_are_predicted_from_what_the_cluster_measured(shop: Shop) -> None:
    """For each kind of fault, phase by phase; bench/outage_prediction compares with a client's."""
    inflict(FAULTS[0], shop.admin, shop.client)
    _, data = plan(shop, described(shop))
    [service] = data["services"]
    expected = {
        "application_failure": ["detect", "application", "address"],
        "node_failure": ["detect", "fence", "data", "application", "address"],
    }
    for kind, phases in expected.items():
        outage = service[kind]
        assert list(outage["phases"]) == phases
        assert all(span["likely"] > 0 for span in outage["phases"].values())
        assert outage["total"]["source"] != "limit"


def test_nothing_to_change_is_exit_code_0(shop: Shop) -> None:
    """The live cluster is what its description says."""
    code, data = plan(shop, described(shop))
    assert code == 0
    assert data["differences"] == []
    assert data["unchanged"] == [SERVICE]


def test_what_is_reloaded_and_what_is_restarted_is_told_apart(shop: Shop) -> None:
    """The scheduler of the installed Pacemaker says it, from the live digests."""
    active = active_node(shop.rig)
    _, data = plan(shop, described(shop).replace('stop_signal = "INT"', 'stop_signal = "TERM"'))
    assert [(each["kind"], each["target"]) for each in data["actions"]] == [("reload", "shop-app")]
    code, data = plan(shop, described(shop).replace('user = "postgres"', 'user = "root"'))
    assert code == 3
    assert [(each["kind"], each["target"], each["dest"]) for each in data["actions"]] == [
        ("restart", "shop-app", active),
        ("restart", "shop-address", active),
    ]
    assert data["actions"][0]["reason"] == "changed: user"


def test_a_saved_plan_is_refused_after_a_pcs_edit_and_the_edit_is_kept(shop: Shop) -> None:
    """Applied is what was looked at; a change of the status does not matter."""
    rig, node = shop.rig, shop.rig.layout.node_names[0]
    longer = described(shop).replace("prefix = 24", 'prefix = 24\nmonitor = "11s"')
    assert plan(shop, longer, "--out", "/root/change.plan")[0] == 3
    rig.run(node, "pcs", "property", "set", "cluster-recheck-interval=14min", check=True)
    refused = rig.run(node, "takeover", "apply", "/root/change.plan")
    assert refused.returncode == 1
    assert "property cluster-recheck-interval created" in refused.stderr
    config = rig.run(node, "pcs", "cluster", "cib", check=True).stdout
    assert "14min" in config
    assert '"11s"' not in config

    rig.run(node, "pcs", "property", "unset", "cluster-recheck-interval", check=True)
    assert plan(shop, longer, "--out", "/root/change.plan")[0] == 3
    rig.run(node, "crm_attribute", "--node", node, "--name", "x", "--update", "1",
            "--lifetime", "reboot", check=True)  # fmt: skip
    applied = rig.run(node, "takeover", "apply", "/root/change.plan")
    assert applied.returncode == 0, applied.stderr
    assert plan(shop, longer)[0] == 0
    rig.run(node, "takeover", "apply", DESCRIPTION, check=True)
    rig.run(node, "crm_attribute", "--node", node, "--name", "x", "--delete",
            "--lifetime", "reboot", check=True)  # fmt: skip
    wait_until_whole(rig)
