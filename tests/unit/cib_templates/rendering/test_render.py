"""From a description to the CIB of a new cluster."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from cib_templates.cib.nvset import value_of
from cib_templates.cib.text import to_text
from cib_templates.cib.validation import check_schema, is_installed
from cib_templates.errors import InvalidCib
from cib_templates.model.description import Description
from cib_templates.rendering.render import render

Describe = Callable[..., Description]


def by_id(cib: etree._Element, identity: str) -> etree._Element:
    """Return the only element with an ID."""
    (element,) = (
        element
        for element in cib.iter(etree.Element)
        if element.get("id") == identity and element.tag not in ("resource_ref", "obj_ref")
    )
    return element


def parameters(cib: etree._Element, identity: str) -> dict[str, str]:
    """Return a resource's instance attributes."""
    pairs = by_id(cib, identity).iterfind("instance_attributes/nvpair")
    return {pair.get("name", ""): pair.get("value", "") for pair in pairs}


def times(cib: etree._Element, identity: str) -> dict[str, tuple[str, str]]:
    """Return interval and timeout of a resource's operations."""
    operations = by_id(cib, identity).iterfind("operations/op")
    return {
        op.get("name", ""): (op.get("interval", ""), op.get("timeout", "")) for op in operations
    }


def test_two_renderings_are_the_same(described: Describe) -> None:
    """A second rendering of the same description is byte-identical."""
    assert to_text(render(described())) == to_text(render(described()))


def test_a_service_is_one_group_with_clients_last(described: Describe) -> None:
    """Data first, then the application, then the address that clients know."""
    group = by_id(render(described()), "shop")
    assert group.tag == "group"
    assert [member.get("id") for member in group.iterfind("primitive")] == [
        "shop-filesystem",
        "shop-app",
        "shop-address",
    ]


def test_start_order_can_put_the_address_before_the_app(described: Describe) -> None:
    """An application that binds to the address starts after it."""
    order = 'pattern = "standby"\nstart_order = ["filesystem", "address", "app"]'
    group = by_id(render(described(('pattern = "standby"', order))), "shop")
    assert [member.get("id") for member in group.iterfind("primitive")][1:] == [
        "shop-address",
        "shop-app",
    ]


def test_parts_use_takeover_s_agents(described: Describe) -> None:
    """Each part's keys become the parameters of its agent, durations whole seconds."""
    cib = render(described())
    assert parameters(cib, "shop-filesystem") == {
        "portal": "203.0.113.129:3260",
        "target": "iqn.2026-11.example.com:shop",
        "lun": "1",
        "directory": "/srv/shop",
        "fstype": "ext4",
        "options": "noatime",
    }
    assert parameters(cib, "shop-app") == {
        "binfile": "/usr/lib/postgresql/15/bin/postgres",
        "cmdline_options": "-D /srv/shop/data",
        "user": "postgres",
        "workdir": "/srv/shop/data",
        "stop_signal": "INT",
        "stop_timeout": "60",
        "ready": "tcp:127.0.0.1:5432",
        "health": "command:/usr/lib/postgresql/15/bin/pg_isready --quiet --host=127.0.0.1",
    }
    assert parameters(cib, "shop-address") == {"ip": "198.51.100.100", "cidr_netmask": "24"}


def test_arguments_with_spaces_stay_one_argument(described: Describe) -> None:
    """The agent splits the options into exactly the arguments of the description."""
    cib = render(described(('"-D", "/srv/shop/data"', '"-c", "a b", "it\'s"')))
    assert parameters(cib, "shop-app")["cmdline_options"] == "-c 'a b' 'it'\"'\"'s'"


def test_an_app_may_be_any_agent(described: Describe) -> None:
    """`systemd:` and `ocf:` agents take the place of a command.

    They are looked at as often: a unit that has ended is not shown as Started for long (pcs#215).
    """
    app = '[services.other]\npattern = "standby"\nnodes = ["node1"]\n[services.other.app]\n{}\n'
    cib = render(described(more=app.format('agent = "systemd:postgresql"')))
    assert dict(by_id(cib, "other-app").attrib) == {
        "id": "other-app",
        "class": "systemd",
        "type": "postgresql",
    }
    assert times(cib, "other-app")["monitor"][0] == "5s"
    agent = 'agent = "ocf:heartbeat:pgsql"\nparameters = { pgport = 5433, socketdir = "/run/pg" }'
    cib = render(described(more=app.format(agent)))
    assert by_id(cib, "other-app").get("provider") == "heartbeat"
    assert parameters(cib, "other-app") == {"pgport": "5433", "socketdir": "/run/pg"}


def test_operations_have_the_times_of_their_kind(described: Describe) -> None:
    """Intervals and timeouts are set for every operation, in the CIB with their unit."""
    cib = render(described())
    assert times(cib, "shop-app") == {
        "monitor": ("5s", "30s"),
        "start": ("0s", "120s"),
        "stop": ("0s", "120s"),
    }
    assert times(cib, "shop-filesystem")["start"] == ("0s", "60s")
    assert times(cib, "shop-address")["monitor"] == ("10s", "20s")


def test_the_description_s_times_win(described: Describe) -> None:
    """What a part says of monitor and timeout replaces its kind's."""
    cib = render(described(("prefix = 24", 'monitor = "2s"\ntimeout = "1min"')))
    assert times(cib, "shop-address") == {
        "monitor": ("2s", "20s"),
        "start": ("0s", "60s"),
        "stop": ("0s", "60s"),
    }


def test_a_long_stop_timeout_has_a_longer_stop(described: Describe) -> None:
    """The application is killed before Pacemaker gives the stop up and fences the node."""
    cib = render(described(('stop_timeout = "60s"', 'stop_timeout = "10min"')))
    assert times(cib, "shop-app")["stop"] == ("0s", "630s")


def test_a_health_check_runs_at_monitor_level_10(described: Describe) -> None:
    """With `health`, the monitor asks the agent for level 10; without, for level 0."""
    level = "//nvpair[@name='OCF_CHECK_LEVEL']/@value"
    assert render(described()).xpath(level) == ["10"]
    health = 'health = "command:/usr/lib/postgresql/15/bin/pg_isready --quiet --host=127.0.0.1"'
    assert render(described((health, ""))).xpath(level) == []


def test_preferences_stay_below_stickiness(described: Describe) -> None:
    """The first node is preferred, but not so much that a running service would move."""
    cib = render(described())
    scores = {
        element.get("node"): int(element.get("score", "")) for element in cib.iter("rsc_location")
    }
    assert scores["node1"] > scores["node2"] > scores["node3"] > 0
    stickiness = value_of(by_id(cib, "shop"), "meta_attributes", "resource-stickiness")
    assert max(scores.values()) < int(stickiness or 0)


def test_a_device_keeps_away_from_the_one_node_that_it_fences(described: Describe) -> None:
    """Unless that is the cluster's only one: there it shows that it works before others come."""
    plugs = ('plugs = { node1 = "1", node2 = "2", node3 = "3" }', 'nodes = ["node1"]')
    others = ("[services.shop]", '[fencing.others]\nagent = "fence_apc"\n[services.shop]')
    bans = render(described(plugs, others)).findall(".//rsc_location[@rsc='fence-power']")
    assert [dict(ban.attrib) for ban in bans] == [
        {
            "id": "fence-power-avoids-node1",
            "rsc": "fence-power",
            "node": "node1",
            "score": "-INFINITY",
        }
    ]
    alone = [(f'[nodes.{node}]\nlinks = ["198.51.100.1{node[-1]}", "203.0.113.1{node[-1]}"]\n', "")
             for node in ("node2", "node3")]  # fmt: skip
    cib = render(described(plugs, *alone, ('"node1", "node2", "node3"', '"node1"')))
    assert cib.findall(".//rsc_location[@rsc='fence-power']") == []
    assert parameters(cib, "fence-power")["pcmk_host_list"] == "node1"


def test_a_service_avoids_the_nodes_that_it_does_not_name(described: Describe) -> None:
    """A node outside the service's list never runs it."""
    cib = render(described(('"node2", "node3"]', '"node2"]')))
    assert dict(by_id(cib, "shop-avoids-node3").attrib) == {
        "id": "shop-avoids-node3",
        "rsc": "shop",
        "node": "node3",
        "score": "-INFINITY",
    }


def test_fencing_is_on_and_every_node_has_its_plug(described: Describe) -> None:
    """Fencing is required, and the device knows which plug belongs to which node."""
    cib = render(described())
    assert by_id(cib, "cib-bootstrap-options-stonith-enabled").get("value") == "true"
    assert by_id(cib, "cib-bootstrap-options-no-quorum-policy").get("value") == "stop"
    assert by_id(cib, "fence-power").get("type") == "fence_apc"
    assert parameters(cib, "fence-power")["pcmk_host_map"] == "node1:1;node2:2;node3:3"


def test_a_device_without_plugs_lists_its_nodes(described: Describe) -> None:
    """A device that knows nodes by their names gets the list of them."""
    cib = render(described(('plugs = { node1 = "1", node2 = "2", node3 = "3" }', "")))
    assert parameters(cib, "fence-power")["pcmk_host_list"] == "node1,node2,node3"


def test_every_id_is_used_once(described: Describe) -> None:
    """A CIB with two equal IDs is rejected by Pacemaker."""
    identities = render(described()).xpath("//configuration//*[not(self::node)]/@id")
    assert len(identities) == len(set(identities))


def test_a_schema_that_is_not_installed_is_named(
    described: Describe, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A Pacemaker that is too old for the CIB's schema is reported as such."""
    empty = tmp_path_factory.mktemp("schemas")
    assert not is_installed(empty)
    with pytest.raises(InvalidCib, match=r"pacemaker-3\.9"):
        check_schema(render(described()), empty)


def test_what_the_schema_rejects_is_said(
    described: Describe, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The schema's own words, with the line, are in the message."""
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "pacemaker-3.9.rng").write_text(
        '<element name="cib" xmlns="http://relaxng.org/ns/structure/1.0"><text/></element>'
    )
    with pytest.raises(InvalidCib, match=r"line \d+: .*configuration"):
        check_schema(render(described()), folder)
