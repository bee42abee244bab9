"""What a description says of the cluster as a whole: properties, levels, utilization, timing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from cib_templates.checks.agents import parameter_names
from cib_templates.model.description import Description
from cib_templates.model.timing import boot_delay
from cib_templates.rendering.primitives import AGENTS
from cib_templates.rendering.properties import KNOWN, PROPERTIES, REFUSED
from cib_templates.rendering.render import render
from ocf_agents.app import App
from ocf_agents.filesystem import Filesystem
from ocf_agents.ip import Ip
from ocf_agents.runtime.agent import Agent
from tests.unit.cib_templates.rendering.test_patterns import refused
from tests.unit.cib_templates.rendering.test_render import by_id

Describe = Callable[..., Description]

BOARDS = "".join(
    f'\n[fencing.ipmi{number}]\nagent = "fence_ipmilan"\nnodes = ["node{number}"]\n'
    f'parameters = {{ ip = "203.0.113.3{number}" }}\n'
    for number in (1, 2)
)
LEVELS = ('"203.0.113.11"]', '"203.0.113.11"]\nfencing_levels = [["ipmi1"], ["power"]]')


def pairs(element: etree._Element) -> dict[str, str]:
    """Return the pairs of a set."""
    return {pair.get("name", ""): pair.get("value", "") for pair in element.iterfind("nvpair")}


def test_properties_are_set_and_listed_as_the_description_s(described: Describe) -> None:
    """They are in pcs's own set, so that pcs shows them."""
    cib = render(described(more="\n[properties]\nbatch-limit = 10\nenable-acl = true\n"))
    found = pairs(by_id(cib, "cib-bootstrap-options"))
    assert found["batch-limit"] == "10"
    assert found["enable-acl"] == "true"
    assert found["takeover-sets"] == "batch-limit enable-acl"


def test_what_takeover_sets_itself_is_refused() -> None:
    """A property has one owner: Takeover, Pacemaker or the description."""
    assert set(PROPERTIES) <= set(REFUSED)
    assert KNOWN.isdisjoint(REFUSED)


def test_levels_are_tried_in_their_order(described: Describe) -> None:
    """Each level of a node names the primitives of its devices."""
    cib = render(described(LEVELS, more=BOARDS))
    levels = cib.xpath("//fencing-topology/fencing-level")
    assert [(each.get("target"), each.get("index"), each.get("devices")) for each in levels] == [
        ("node1", "1", "fence-ipmi1"),
        ("node1", "2", "fence-power"),
    ]


def test_a_device_does_not_run_on_the_one_node_that_it_fences(described: Describe) -> None:
    """A node that must be fenced cannot be trusted to do it."""
    cib = render(described(more=BOARDS))
    ban = by_id(cib, "fence-ipmi2-avoids-node2")
    assert (ban.get("rsc"), ban.get("score")) == ("fence-ipmi2", "-INFINITY")
    assert cib.xpath("//rsc_location[@rsc='fence-power']") == []


def test_who_is_fenced_at_the_disk_is_let_in_again(described: Describe) -> None:
    """A node must not run anything before its key is on the disks, as pcs says it, too."""
    disks = '\n[fencing.disks]\nagent = "fence_scsi"\nparameters = { devices = "/dev/sdb" }\n'
    cib = render(described(more=disks))
    assert pairs(by_id(cib, "fence-disks-meta_attributes"))["provides"] == "unfencing"
    assert "provides" not in pairs(by_id(cib, "fence-power-meta_attributes"))


def test_utilization_balances(described: Describe) -> None:
    """Nodes have, parts need, and Pacemaker is told to look at it."""
    cib = render(
        described(
            ('"203.0.113.11"]', '"203.0.113.11"]\nutilization = { memory = 65536 }'),
            ('pattern = "standby"', 'pattern = "standby"\nutilization = { memory = 4096 }'),
            ("prefix = 24", "prefix = 24\nutilization = { addresses = 1 }"),
        )
    )
    assert pairs(by_id(cib, "nodes-1-utilization")) == {"memory": "65536"}
    assert pairs(by_id(cib, "shop-app-utilization")) == {"memory": "4096"}
    assert pairs(by_id(cib, "shop-address-utilization")) == {"addresses": "1"}
    assert pairs(by_id(cib, "cib-bootstrap-options"))["placement-strategy"] == "balanced"


def test_nodes_have_attributes(described: Describe) -> None:
    """Standby and maintenance are node attributes, with the values that pcs writes."""
    more = '"203.0.113.11"]\nattributes = { rack = "a" }\nstandby = true\nmaintenance = false'
    cib = render(described(('"203.0.113.11"]', more)))
    assert pairs(by_id(cib, "nodes-1")) == {
        "rack": "a",
        "standby": "on",
        "maintenance": "false",
        "takeover-sets": "maintenance rack standby",
    }


def test_parts_take_any_parameter_and_meta_attribute(described: Describe) -> None:
    """What has no key goes to the agent as it is; a timeout of its own to the monitor."""
    more = (
        'prefix = 24\nmonitor_timeout = "7s"\nparameters = { arp_count = 9 }\n'
        'meta = { multiple-active = "stop_only" }'
    )
    cib = render(described(("prefix = 24", more)))
    found = pairs(by_id(cib, "shop-address-instance_attributes"))
    assert found == {"ip": "198.51.100.100", "cidr_netmask": "24", "arp_count": "9"}
    assert pairs(by_id(cib, "shop-address-meta_attributes"))["multiple-active"] == "stop_only"
    assert cib.xpath("//op[@id='shop-address-monitor-interval-10s']/@timeout") == ["7s"]


def test_an_application_has_keys_for_what_it_often_needs(described: Describe) -> None:
    """Readiness by notification or HTTP, its environment and its reload."""
    more = (
        'ready = "notify"\nready_timeout = "30s"\nhealth = "http://127.0.0.1:80/ok status=204"\n'
        'health_timeout = "5s"\nenvironment_file = "-/etc/default/shop"\nreload_signal = "SIGHUP"'
    )
    health = 'health = "command:/usr/lib/postgresql/15/bin/pg_isready --quiet --host=127.0.0.1"'
    cib = render(described(('ready = "tcp:127.0.0.1:5432"\n', ""), (health, more)))
    found = pairs(by_id(cib, "shop-app-instance_attributes"))
    assert found["ready"] == "notify"
    assert found["ready_timeout"] == "30"
    assert found["health"] == "http://127.0.0.1:80/ok status=204"
    assert found["health_timeout"] == "5"
    assert found["environment_file"] == "-/etc/default/shop"
    assert found["reload_signal"] == "HUP"


def test_a_filesystem_may_log_in_and_reserve(described: Describe) -> None:
    """CHAP by a user and the path of the secret, a reservation by a word."""
    more = (
        'lun = 1\nchap_user = "shop"\nchap_secret_file = "/etc/takeover/chap"\nreservation = true'
    )
    cib = render(described(("lun = 1", more)))
    found = pairs(by_id(cib, "shop-filesystem-instance_attributes"))
    assert found["chap_user"] == "shop"
    assert found["chap_secret_file"] == "/etc/takeover/chap"
    assert found["reservation"] == "true"


def test_watchdogs_alone_fence_every_node(described: Describe) -> None:
    """Pacemaker waits twice the watchdog's time, and no device is needed."""
    cib = render(described(('[fencing.power]\nagent = "fence_apc"', '[sbd]\n#'), (
        'plugs = { node1 = "1", node2 = "2", node3 = "3" }\n'
        'parameters = { ip = "203.0.113.2", username = "cluster", '
        'password_script = "/etc/takeover/apc" }', "")))  # fmt: skip
    found = pairs(by_id(cib, "cib-bootstrap-options"))
    assert found["stonith-watchdog-timeout"] == "10s"


TOKEN = 'token = "1000ms"'
MISTAKES = [
    (TOKEN, TOKEN + '\nconsensus = "1100ms"',
     "consensus-too-short "
     "cluster.consensus: must be at least 1.2 times token: Corosync does not start with less "
     'than 1200ms (consensus = "1200ms", or leave it out)'),
    (TOKEN, TOKEN + '\njoin = "1s"', "join-too-long cluster.join: must be shorter than token"),
    ("[nodes.node1]", "[properties]\nbatch-limt = 3\n[nodes.node1]",
     "property-unknown "
     "properties.batch-limt: is not a known cluster property (did you mean 'batch-limit'?)"),
    ("[nodes.node1]", "[properties]\nstonith-enabled = false\n[nodes.node1]",
     "property-refused properties.stonith-enabled: cannot be set (fencing is always on)"),
    ('"203.0.113.11"]', '"203.0.113.11"]\nfencing_levels = [["powr"]]',
     "level-device-unknown nodes.node1.fencing_levels[0][0]: there is no fencing device 'powr'"),
    ('"203.0.113.11"]', '"203.0.113.11"]\nfencing_levels = [["power"], ["power"]]',
     "level-device-twice nodes.node1.fencing_levels[1][0]: 'power' is named twice"),
    ('"203.0.113.11"]', '"203.0.113.11"]\nattributes = { standby = "on" }',
     "attribute-has-a-key "
     "nodes.node1.attributes.standby: has a key of its own (use nodes.node1.standby instead)"),
    ("[fencing.power]", '[sbd]\ndevices = ["/dev/sda"]\nmessage_timeout = "6s"\n[fencing.power]',
     "sbd-message-too-short sbd.message_timeout: must be at least twice watchdog_timeout"),
    ("[fencing.power]", '[sbd]\ndevices = ["/dev/a", "/dev//a"]\n[fencing.power]',
     "disk-in-use-twice sbd.devices[1]: /dev//a is already used by sbd"),
    ("[nodes.node1]", "[properties]\nfencing-enabled = false\n[nodes.node1]",
     "property-refused properties.fencing-enabled: cannot be set (fencing is always on)"),
    ("[nodes.node1]", "[properties]\nfencing-watchdog-timeout = 10\n[nodes.node1]",
     "property-refused properties.fencing-watchdog-timeout: cannot be set (use [sbd])"),
    ("[nodes.node1]", "[properties]\nfencing-timeout = 10\n[nodes.node1]",
     "property-named-newly properties.fencing-timeout: is a name that only newer versions of "
     "Pacemaker know (stonith-timeout, which all of them know)"),
    ("[fencing.power]", '[sbd]\nwatchdog_timeout = "30s"\n[quorum.device]\nhost = "w"\n'
     "[fencing.power]",
     "sbd-watchdog-below-quorum-device sbd.watchdog_timeout: must be 5 s longer than "
     "quorum.device.sync_timeout"),
    ("[fencing.power]", '[quorum.device]\nhost = "node2"\n[fencing.power]',
     "quorum-device-is-node quorum.device.host: is a node of the cluster"),
    ("[fencing.power]", '[quorum.device]\nhost = "198.51.100.12"\n[fencing.power]',
     "quorum-device-is-node quorum.device.host: is a node of the cluster"),
    ("[fencing.power]", '[quorum.device]\nhost = "w"\nsync_timeout = "14s"\n[fencing.power]',
     "quorum-device-sync-too-short quorum.device.sync_timeout: must be at least 1.5 times"),
    ("[fencing.power]", '[quorum.device]\nhost = "w"\ntimeout = "1s"\n[fencing.power]',
     "quorum-device-timeout-too-short quorum.device.timeout: is too short"),
    ("[fencing.power]", '[sbd]\ndevices = ["/dev/a"]\nmessage_timeout = "60s"\n'
     '[fencing.sbd]\nagent = "fence_sbd"\ntimeout = "60s"\n[fencing.power]',
     "sbd-fencing-too-short fencing.sbd.timeout: must be at least 1.2 times SBD's "
     "message_timeout (60s): fencing would be given up before the message has done its work "
     '(timeout = "72s", or leave it out)'),
    ("[fencing.power]", '[sbd]\ndevices = ["/dev/a"]\n[properties]\nstonith-timeout = "1min"\n'
     "[fencing.power]",
     "sbd-stonith-timeout-too-short properties.stonith-timeout: is shorter than SBD needs"),
    ("[fencing.power]", '[sbd]\nwatchdog_timeout = "1s"\n[fencing.power]',
     "sbd-watchdog-too-short sbd.watchdog_timeout: must be longer than cluster.token"),
    ("prefix = 24", 'prefix = 24\nparameters = { nic = "eth0" }',
     "parameter-has-a-key "
     "services.shop.address.parameters.nic: has a key of its own (use interface instead)"),
    ("prefix = 24", "prefix = 24\nparameters = { arp_cnt = 3 }",
     "parameter-unknown "
     "services.shop.address.parameters.arp_cnt: ocf:takeover:ip has no such parameter (did you "
     "mean 'arp_count'?)"),
    ("prefix = 24", 'prefix = 24\nmeta = { target-role = "Stopped" }',
     "meta-of-the-service services.shop.address.meta.target-role: is not a part's"),
    ("lun = 1", 'lun = 1\nchap_user = "shop"',
     "chap-incomplete services.shop.filesystem: has only one of chap_user and chap_secret_file"),
    ("[services.shop.address]", "[services.shop.address]\nutilization = { memory = -1 }",
     "value-out-of-range services.shop.address.utilization.memory: is too small"),
    ('health = "command:/usr', 'health = "notify"\n#',
     "value-wrong "
     "services.shop.app.health: 'notify' is no"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES)
def test_what_does_not_fit_together_is_refused(
    old: str, new: str, expected: str, described: Describe
) -> None:
    """Each mistake names its key, what is wrong and what would be right."""
    (found,) = refused(described, (old, new))
    assert found.startswith(expected)


@pytest.mark.parametrize("agent", [App, Filesystem, Ip])
def test_the_keys_are_of_parameters_that_the_agents_declare(agent: type[Agent]) -> None:
    """What a description may say is what the agents declare."""
    declared = {parameter.name for parameter in agent.parameters()}
    name = f"ocf:takeover:{agent.name}"
    assert parameter_names(name) == frozenset(declared)
    assert declared.issuperset(dict(AGENTS.values())[name])


def test_two_nodes_with_watchdogs_alone_are_refused(described: Describe) -> None:
    """Both would end themselves when they lose each other (crmsh#1991)."""
    third = '[nodes.node3]\nlinks = ["198.51.100.13", "203.0.113.13"]\n'
    without = [(third, "[sbd]\n"), (', node3 = "3"', ""), (', "node3"]', "]")]
    (found,) = refused(described, *without)
    assert found.startswith("sbd-two-nodes sbd: two nodes with a watchdog alone")
    witness = (third, '[sbd]\n[quorum.device]\nhost = "witness"\n')
    assert described(witness, *without[1:]).quorum is not None


THIRD = '[nodes.node3]\nlinks = ["198.51.100.13", "203.0.113.13"]\n'
TWO = [(', node3 = "3"', ""), (', "node3"]', "]")]
WITNESS = '[quorum.device]\nhost = "witness"\n'


def properties(cib: etree._Element) -> dict[str, str]:
    """Return the cluster properties of a CIB."""
    return pairs(by_id(cib, "cib-bootstrap-options"))


def test_watchdogs_alone_wait_longer_than_the_quorum_device(described: Describe) -> None:
    """Else nodes would end themselves while they wait for its vote (crmsh#735, crmsh#1991)."""
    for more, wait in (("", "70s"), ('sync_timeout = "45s"\n', "100s")):
        cib = render(described((THIRD, "[sbd]\n" + WITNESS + more), *TWO))
        assert properties(cib)["stonith-watchdog-timeout"] == wait
    short = WITNESS + 'timeout = "2s"\nsync_timeout = "5s"\n'
    cib = render(described((THIRD, f'[sbd]\nwatchdog_timeout = "10s"\n{short}'), *TWO))
    assert properties(cib)["stonith-watchdog-timeout"] == "20s"


def test_with_a_disk_the_quorum_device_changes_no_watchdog(described: Describe) -> None:
    """A node that has its disk does not end itself for a missing vote."""
    description = described((THIRD, '[sbd]\ndevices = ["/dev/disk/by-id/x"]\n' + WITNESS), *TWO)
    assert description.sbd is not None
    assert description.sbd.watchdog_wait(description.quorum).total_seconds() == 5
    assert "stonith-watchdog-timeout" not in properties(render(description))


@pytest.mark.parametrize(
    ("sbd", "timeout", "device"),
    [
        # Token 1.65 s and consensus 1.98 s with three nodes.
        ("", "64s", "60s"),
        ('message_timeout = "60s"\n', "76s", "72s"),
        ('message_timeout = "45s"\n', "64s", "60s"),
        ('watchdog_timeout = "60s"\n', "148s", "144s"),
    ],
)
def test_fencing_by_sbd_has_its_time(
    sbd: str, timeout: str, device: str, described: Describe
) -> None:
    """Crmsh's rule: a fifth more than a message needs, at least 60 s, then token and consensus."""
    table = f'[sbd]\ndevices = ["/dev/disk/by-id/x"]\n{sbd}'
    fencing = '[fencing.sbd]\nagent = "fence_sbd"\nparameters = { devices = "/dev/disk/by-id/x" }\n'
    cib = render(described(("[fencing.power]", f"{table}{fencing}[fencing.power]")))
    assert properties(cib)["stonith-timeout"] == timeout
    assert "stonith-timeout" in properties(cib)["takeover-sets"]
    found = pairs(by_id(cib, "fence-sbd-instance_attributes"))
    assert found["pcmk_reboot_timeout"] == found["pcmk_off_timeout"] == device


def test_without_sbd_devices_say_how_long_fencing_takes(described: Describe) -> None:
    """Then stonith-timeout is Pacemaker's own."""
    assert "stonith-timeout" not in properties(render(described()))


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        ("", 14),
        ('parameters = { pcmk_delay_max = "30s" }', 44),
        ('parameters = { pcmk_delay_base = "node1:5;node2:2min", pcmk_delay_max = "30" }', 134),
        ('parameters = { pcmk_delay_max = "soon" }', 14),
    ],
)
def test_a_node_boots_later_than_others_delay_its_fencing(
    parameters: str, seconds: int, described: Describe
) -> None:
    """It would be fenced when it is back (crmsh#874)."""
    table = '[sbd]\ndevices = ["/dev/disk/by-id/x"]\n'
    fencing = f'[fencing.sbd]\nagent = "fence_sbd"\n{parameters}\n'
    description = described(("[fencing.power]", f"{table}{fencing}[fencing.power]"))
    assert boot_delay(description).total_seconds() == seconds


def test_the_one_of_two_nodes_that_serves_wins(described: Describe) -> None:
    """Fencing it is delayed; it is who runs what has a priority, or the device, if both serve."""
    cib = render(described((THIRD, ""), *TWO))
    assert properties(cib)["priority-fencing-delay"] == "10s"
    service = pairs(by_id(cib, "shop-meta_attributes"))
    assert (service["priority"], service["takeover-sets"]) == ("2", "priority")
    device = pairs(by_id(cib, "fence-power-meta_attributes"))
    assert (device["priority"], device["takeover-sets"]) == ("1", "priority")


def test_the_delay_is_twice_the_devices_own(described: Describe) -> None:
    """They are added on both sides, and a drawn one may be long on the wrong side."""
    drawn = ('ip = "203.0.113.2"', 'ip = "203.0.113.2", pcmk_delay_max = "15"')
    cib = render(described((THIRD, ""), *TWO, drawn))
    assert properties(cib)["priority-fencing-delay"] == "30s"


def test_of_a_device_for_each_node_one_breaks_the_tie(described: Describe) -> None:
    """The first that may run on the first node: with equal sums, this node wins."""
    cib = render(described((THIRD, ""), *TWO, ("[fencing.power]", BOARDS + "[fencing.power]")))
    priorities = {
        name: pairs(by_id(cib, f"fence-{name}-meta_attributes")).get("priority")
        for name in ("ipmi1", "ipmi2", "power")
    }
    assert priorities == {"ipmi1": None, "ipmi2": "1", "power": None}


@pytest.mark.parametrize(
    ("more", "token", "delay"),
    [
        ("", TOKEN + '\nfencing_delay = "15s"', "15s"),
        ("", TOKEN + '\nfencing_delay = "0s"', None),
        (WITNESS, TOKEN, None),
        (WITNESS, TOKEN + '\nfencing_delay = "5s"', "5s"),
        ('[properties]\npriority-fencing-delay = "20s"\n', TOKEN, "20s"),
    ],
)
def test_the_delay_is_for_who_has_no_better(
    more: str, token: str, delay: str | None, described: Describe
) -> None:
    """Where a quorum device decides, nobody need wait; and an administrator may know better."""
    cib = render(described((THIRD, more), *TWO, (TOKEN, token)))
    assert properties(cib).get("priority-fencing-delay") == delay
    ours = delay is not None and "properties" not in more
    assert ("priority" in pairs(by_id(cib, "shop-meta_attributes"))) == ours
    assert ("priority" in pairs(by_id(cib, "fence-power-meta_attributes"))) == ours


def test_three_nodes_need_no_delay(described: Describe) -> None:
    """One of them alone has no quorum, and fences nobody."""
    cib = render(described())
    assert "priority-fencing-delay" not in properties(cib)
    assert "priority" not in pairs(by_id(cib, "shop-meta_attributes"))


def test_priorities_that_are_described_are_kept(described: Describe) -> None:
    """Where some services have one, the others' 0 is meant."""
    cib = render(described((THIRD, ""), *TWO, ('"standby"', '"standby"\npriority = 7'),
                           more=_service("other")))  # fmt: skip
    assert pairs(by_id(cib, "shop-meta_attributes"))["priority"] == "7"
    assert "priority" not in pairs(by_id(cib, "other-meta_attributes"))


def _service(name: str) -> str:
    app = f'[services.{name}.app]\ncommand = ["/bin/x"]\n'
    return f'\n[services.{name}]\npattern = "standby"\n{app}'


def test_many_resources_on_many_nodes_have_longer_queues(described: Describe) -> None:
    """As many messages may wait as there are results of all; a power of two, so that it stays."""
    assert "cluster-ipc-limit" not in properties(render(described()))
    many = "".join(_service(f"s{number}") for number in range(170))
    assert properties(render(described(more=many)))["cluster-ipc-limit"] == "1024"
    own = many + "\n[properties]\ncluster-ipc-limit = 600\n"
    assert properties(render(described(more=own)))["cluster-ipc-limit"] == "600"
