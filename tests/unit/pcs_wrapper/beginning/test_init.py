"""`takeover init`: options, questions, and a description without mistakes."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cib_templates.model.description import Description
from cib_templates.reading.reading import read_description
from pcs_wrapper.cli import run
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import CONFIG
from tests.unit.fakes.site import IPMI, RIG, Interface, Site
from tests.unit.pcs_wrapper.beginning.test_found import DISCOVERY, device

SWITCH = "fence_apc ip=203.0.113.2 username=cluster password_script=/etc/takeover/apc"


class Init:
    """`takeover init` on a machine, in an empty folder.

    Args:
        site: The machine.
        monkeypatch: What replaces standard input.
        capsys: What is printed.
        folder: The folder.
    """

    def __init__(
        self,
        site: Site,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        folder: Path,
    ) -> None:
        self.site = site
        self.file = folder / "cluster.toml"
        self.out = self.err = ""
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)

    def __call__(self, *options: str, typed: Sequence[str] = (), **machine: Any) -> int:
        """Run it, and return the exit code.

        Args:
            options: Its options.
            typed: The lines that are typed.
            machine: What is different in the machine.
        """
        self._monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{each}\n" for each in typed)))
        code = run(["init", *options], self.site.machine(**machine))
        self.out, self.err = self._capsys.readouterr()
        return code

    @property
    def description(self) -> Description:
        """The description that was written."""
        return read_description(self.file)


@pytest.fixture
def init(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Init:
    folder = tmp_path / "folder"
    folder.mkdir()
    return Init(site, monkeypatch, capsys, folder)


def test_without_questions_it_is_as_found(init: Init, site: Site) -> None:
    """With a device that needs nothing, one word is enough; the cluster begins with this node."""
    (site.root / "usr/sbin/fence_apc").unlink()
    site.has_agent("fence_rig", RIG)
    assert init("--defaults") == 0
    described = init.description
    assert described.cluster.name == "node"
    assert {name: node.links for name, node in described.nodes.items()} == {
        "node1": ["198.51.100.11", "203.0.113.11"]
    }
    assert [device.agent for device in described.fencing.values()] == ["fence_rig"]
    assert described.services == {}
    assert init.out == (
        "cluster.toml: written. Cluster node; nodes: node1; services: none yet\n"
        "read it, and change what is not so. When the nodes are prepared (docs/installing.md):\n"
        "  takeover check cluster.toml\n"
        "  takeover cluster create cluster.toml\n"
    )
    assert "nodes.node1: it is the only node" in init.err


def test_options_say_a_whole_cluster(init: Init) -> None:
    """What is not said is as found: the disk that is shared, and the network of the address."""
    assert init(
        *("--defaults", "--name", "shop", "--node", "node2=198.51.100.12,203.0.113.12"),
        *("--node", "node3", "--fence", SWITCH, "--plug", "node1=1", "--plug", "node2=2"),
        *("--plug", "node3=3", "--service", "web", "--command", "/usr/sbin/nginx -g 'daemon off;'"),
        *("--user", "www-data", "--ready", "tcp:127.0.0.1:80", "--address", "198.51.100.100"),
        "shop.toml",
    ) == 0  # fmt: skip
    init.file = init.file.with_name("shop.toml")
    assert init.file.read_text() == (Path(__file__).parent / "shop.toml").read_text()
    assert init.out.endswith("  takeover apply shop.toml\n")
    assert "services.web.app: without health" in init.err


def test_a_database_on_a_lun_that_a_program_attaches(init: Init) -> None:
    """PostgreSQL is stopped by the signal that does not wait for its clients."""
    lun = ("--disk", "203.0.113.129", "--target", "iqn.2026-11.com.example:rig", "--lun", "1")
    assert init(
        *("--defaults", "--fence", SWITCH, "--service", "shop", *lun, "--attach", "/opt/attach"),
        *("--command", "/usr/lib/postgresql/15/bin/postgres -D /srv/shop/data"),
        *("--user", "postgres", "--ready", "tcp:127.0.0.1:5432"),
        *("--health", "command:/usr/bin/pg_isready --quiet"),
    ) == 0  # fmt: skip
    service = init.description.services["shop"]
    assert service.filesystem[0].attach == "/opt/attach"
    [app] = service.app
    assert (app.stop_signal, app.health) == ("INT", "command:/usr/bin/pg_isready --quiet")
    assert "without health" not in init.err
    assert "  takeover service prepare shop cluster.toml -- COMMAND" in init.out


def test_the_links_are_the_networks_that_all_nodes_have(init: Init) -> None:
    """node2 is known in the first one alone, and so the second one is no link."""
    assert init("--defaults", "--fence", SWITCH, "--node", "node2", "--node", "node3") == 0
    assert {name: node.links for name, node in init.description.nodes.items()} == {
        "node1": ["198.51.100.11"],
        "node2": ["198.51.100.12"],
        "node3": ["198.51.100.13"],
    }
    also = "# This machine is also in 203.0.113.0/24 (eth1), which is no link.\n"
    assert also in init.file.read_text()


def test_a_link_is_named_by_its_interface_or_its_network(init: Init) -> None:
    """In the order in which they are named."""
    links = ("--link", "eth1", "--link", "198.51.100.0/24")
    assert init("--defaults", "--fence", SWITCH, *links) == 0
    assert init.description.nodes["node1"].links == ["203.0.113.11", "198.51.100.11"]


def test_a_board_of_each_node_is_a_device_of_its_own(init: Init, site: Site) -> None:
    """It never fences another node than its own."""
    site.has_agent("fence_ipmilan", IPMI)
    more = "username=u password_script=/etc/takeover/ipmi"
    boards = [f"{node}:fence_ipmilan ip=10.0.0.{node[-1]} {more}" for node in ("node1", "node3")]
    options = [word for board in boards for word in ("--fence", board)]
    assert init("--defaults", "--node", "node3", *options) == 0
    devices = init.description.fencing
    assert {name: device.nodes for name, device in devices.items()} == {
        "power-node1": ["node1"],
        "power-node3": ["node3"],
    }


def test_sbd_is_a_way_to_fence(init: Init, site: Site) -> None:
    """With disks, the cluster tells a node by them; the watchdog is the real one."""
    site.file("sys/class/watchdog/watchdog0/identity", "Software Watchdog")
    site.file("sys/class/watchdog/watchdog1/identity", "iTCO_wdt")
    assert init("--defaults", "--sbd", "/dev/disk/by-id/x") == 0
    described = init.description
    assert described.sbd is not None
    assert (described.sbd.devices, described.sbd.watchdog) == (
        ["/dev/disk/by-id/x"],
        "/dev/watchdog1",
    )
    assert described.fencing["sbd"].agent == "fence_sbd"


def test_a_watchdog_fences_where_nothing_else_is_found(init: Init, site: Site) -> None:
    """Two nodes would both end themselves: there it is not offered."""
    (site.root / "usr/sbin/fence_apc").unlink()
    site.file("sys/class/watchdog/watchdog0/identity", "iTCO_wdt")
    assert init("--defaults", "--dry-run") == 0
    assert '[sbd]\nwatchdog = "/dev/watchdog0"\n' in init.out
    assert init("--defaults", "--dry-run", "--node", "node3") == 2
    assert "every node needs a device that can fence it" in init.err


WRONG: list[tuple[tuple[str, ...], str]] = [
    ((), "--fence 'fence_apc': fence_apc also needs ip (IP address or hostname of fencing device), "
         "password_script (Script to run to retrieve password), username (Login name)"),
    (("--fence", SWITCH, "--node", "node9"), "--node node9: this name has no address in a network "
     "of this machine (198.51.100.0/24, 203.0.113.0/24)"),
    (("--fence", SWITCH, "--link", "eth7"), "--link eth7: this machine has no such network; it has "
     "198.51.100.0/24 (eth0), 203.0.113.0/24 (eth1)"),
    (("--fence", SWITCH, "--node", "node2", "--link", "eth0", "--link", "eth1"),
     "every node needs an address on every link; there is none of node2 in 203.0.113.0/24"),
    (("--fence", "fence_apc ip"), "--fence 'fence_apc ip': it is written as 'AGENT KEY=VALUE…'"),
    (("--fence", "fence_apc 'ip"), "No closing quotation"),
    (("--fence", SWITCH, "--plug", "1"), "--plug '1': it is written as NODE=PLUG"),
    (("--fence", SWITCH, "--unit", "nginx"), "--service says what it is called"),
    (("--fence", SWITCH, "--service", "web", "--disk", ""), "the service web has no part"),
    (("--fence", SWITCH, "--service", "web", "--unit", "a", "--command", "/b"),
     "--unit and --command exclude each other"),
    (("--fence", SWITCH, "--service", "web", "--disk", "203.0.113.9"),
     "--target is needed for 203.0.113.9: none is known here"),
    (("--fence", SWITCH, "--service", "web", "--disk", "203.0.113.9", "--target", "iqn.a:b"),
     "--lun is needed for 203.0.113.9, iqn.a:b: none is known here"),
    (("--fence", SWITCH, "--name", "a shop"), "cluster.toml:6: cluster.name: "),
    (("--fence", SWITCH, "--node", "node2=10.0.0.1,10.0.0.2,10.0.0.3"),
     "these are more addresses than there are links: 198.51.100.0/24, 203.0.113.0/24"),
    (("--fence", SWITCH, "--node", "node2=here"), "'here' is not an IPv4 or IPv6 address"),
    (("--fence", SWITCH, "--service", "web", "--address", "x"), "services.web.address.ip: "),
    (("--fence", f"{SWITCH} password=x"), "a secret must not be in the description"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "told"), WRONG)
def test_what_is_wrong_or_missing_is_told(options: tuple[str, ...], told: str, init: Init) -> None:
    """By the option that says it; no file is written."""
    assert init("--defaults", *options) == 2
    assert told in init.err
    assert not init.file.exists()


def test_questions_are_answered_with_enter(init: Init) -> None:
    """Only what nobody can know is typed: how the power switch is reached."""
    typed = ["", "", "node2 node3", *("", "203.0.113.12"), *("", ""), *("", "203.0.113.2"), "",
             "cluster", *("1", "2", "3"), "shop", "", "", "", "1", "198.51.100.100"]  # fmt: skip
    assert init(typed=typed) == 0
    described = init.description
    assert {name: node.links for name, node in described.nodes.items()} == {
        "node1": ["198.51.100.11", "203.0.113.11"],
        "node2": ["198.51.100.12", "203.0.113.12"],
        "node3": ["198.51.100.13", "203.0.113.13"],
    }
    assert described.fencing["power"].plugs == {"node1": "1", "node2": "2", "node3": "3"}
    assert described.fencing["power"].parameters == {
        "ip": "203.0.113.2",
        "password_script": "/etc/takeover/fence_apc",
        "username": "cluster",
    }
    service = described.services["shop"]
    assert service.filesystem[0].device == "/dev/disk/by-id/wwn-0x6001405"
    assert (service.filesystem[0].directory, service.filesystem[0].type) == ("/srv/shop", "xfs")
    assert service.app[0].agent == "systemd:nginx"
    assert (service.address[0].ip, service.address[0].prefix) == ("198.51.100.100", 24)
    assert init.out.startswith("cluster.toml: written. Cluster node; nodes: node1, node2, node3; ")
    assert "address of node2 in 203.0.113.0/24 [203.0.113.12]" in init.err


def test_what_an_option_says_is_not_asked(init: Init) -> None:
    """The rest is; `none` is said by Enter, or by the word where something is offered."""
    options = ("--name", "shop", "--node", "node2", "--link", "eth0", "--fence", SWITCH)
    assert init(*options, typed=["qnetd.example.com", "web", "none", "", "198.51.100.9"]) == 0
    assert init.description.quorum is not None
    assert init.description.quorum.device.host == "qnetd.example.com"
    assert [kind for kind, _ in init.description.services["web"].parts()] == ["address"]
    for asked in ("name of the cluster", "networks to use", "names of the other", "fence agent"):
        assert asked not in init.err


def test_a_wrong_answer_is_asked_again(init: Init) -> None:
    """With what is wrong; all the other answers stay."""
    typed = ["a shop", "shop", "9", "1", "", "fence", "watchdog", "dog", "watchdog",
             "/dev/watchdog", ""]  # fmt: skip
    assert init(typed=typed) == 0
    assert init.err.count("name of the cluster") == 2
    assert "cluster.name: " in init.err
    assert init.err.count("networks to use") == 2
    assert "--link 9: this machine has no such network" in init.err
    assert init.err.count("fence agent (it is the only one that is installed)") == 3
    assert "sbd.watchdog: 'dog' is not an absolute path" in init.err


def test_a_lun_of_a_portal_is_asked_for(init: Init, site: Site) -> None:
    """Its targets are offered, and the number by which this machine knows it."""
    site.answers[DISCOVERY] = "203.0.113.129:3260,1 iqn.2026-11.example.com:shop\n"
    options = ("--name", "x", "--link", "eth0", "--node", "node3", "--witness", "", "--fence")
    typed = ["shop", "203.0.113.129:3260", "", "", "", "", "", ""]
    assert init(*options, SWITCH, typed=typed) == 0
    [filesystem] = init.description.services["shop"].filesystem
    assert (filesystem.portal, filesystem.target, filesystem.lun) == (
        "203.0.113.129:3260",
        "iqn.2026-11.example.com:shop",
        1,
    )


def test_an_input_that_ends_early_writes_nothing(init: Init) -> None:
    """A script that forgets an answer is told how it is said."""
    assert init(typed=["shop"]) == 2
    assert "the input has ended before all questions were answered. Nothing was written" in init.err
    assert not init.file.exists()


def test_a_wrong_option_is_told_before_anything_is_asked(init: Init) -> None:
    """Nobody answers ten questions for nothing."""
    assert init("--node", "node9") == 2
    assert "name of the cluster" not in init.err


def test_a_file_that_is_there_stays(init: Init) -> None:
    """It is told before anything is asked; a dry run writes nothing anyway."""
    init.file.write_text("mine\n")
    assert init("--defaults", "--fence", SWITCH) == 2
    assert "cluster.toml is there already, and is not overwritten" in init.err
    assert init("--defaults", "--dry-run", "--fence", SWITCH) == 0
    assert init.out.startswith("# The cluster node, as `takeover init` has described it on node1,")
    assert init.file.read_text() == "mine\n"


def test_a_folder_that_takes_no_file_is_told(init: Init) -> None:
    """With the reason."""
    assert init("--defaults", "--fence", SWITCH, "missing/cluster.toml") == 2
    assert "missing/cluster.toml cannot be written: No such file or directory" in init.err


def test_with_json_it_is_told_what_was_found(init: Init) -> None:
    """For programs that ask in their own way."""
    assert init("--defaults", "--json", "--dry-run", "--fence", SWITCH) == 0
    told = json.loads(init.out)
    assert (told["file"], told["written"]) == ("cluster.toml", False)
    assert told["found"]["disks"][0]["path"] == "/dev/disk/by-id/wwn-0x6001405"
    assert told["found"]["fence_agent"] == "fence_apc"
    assert told["warnings"][0]["code"] == "first-node-alone"


def test_who_cannot_be_reached_is_told(init: Init, site: Site) -> None:
    """Pcsd is needed on every node; the description is right all the same."""
    site.listening.remove("198.51.100.13")
    warned: list[str] = []
    console = site.machine().console.__class__(warning=warned.append)
    options = ("--defaults", "--node", "node2", "--node", "node3", "--fence", SWITCH)
    assert init(*options, console=console) == 0
    assert warned == [
        "pcsd of node3 does not answer at 198.51.100.13: is it installed there (apt install pcs), "
        "and are the addresses right?"
    ]


def test_a_machine_without_a_network_is_told(init: Init, site: Site) -> None:
    """Nothing can be proposed without one."""
    site.interfaces = [Interface("lo", {}, flags=0x49)]
    assert init("--defaults") == 2
    assert "no network interface of this machine is up and has an address" in init.err


@pytest.fixture
def member(site: Site) -> None:
    """Let the machine belong to a cluster."""
    text = "cluster_name: shop\nring0_addr: 198.51.100.11\n"
    site.file("etc/corosync/corosync.conf", text)


@pytest.mark.usefixtures("member")
def test_a_cluster_that_exists_can_be_described(init: Init, cluster: Cluster, live: str) -> None:
    """`takeover import` is offered, and its description goes into the file."""
    cluster.state, cluster.cib, cluster.config = "running", live, CONFIG
    assert init(typed=[""], runner=cluster, is_root=True) == 0
    assert "This machine already belongs to the cluster shop" in init.err
    assert init.out == "cluster.toml describes the cluster shop as it is\n"
    assert list(init.description.services) == ["shop"]


@pytest.mark.usefixtures("member")
def test_a_cluster_that_exists_is_left_alone(init: Init) -> None:
    """If nobody wants it described, or nobody is asked."""
    assert init(typed=["n"]) == 1
    assert init("--defaults") == 2
    assert "`takeover import > cluster.toml` describes it" in init.err
    assert not init.file.exists()


def test_what_a_disk_or_a_unit_is_called_reaches_no_terminal(init: Init, site: Site) -> None:
    """Whoever can name a unit or label a disk could otherwise write there."""
    site.has_units(evil="A \x1b[2J unit\nwith lines")
    site.has_disks(device(model="\x1b]0;title\x07"))
    assert init("--fence", SWITCH, "--name", "x", typed=["", "", "x", "1", "", "", "1", ""]) == 0
    assert "\x1b" not in init.err + init.out
    assert "\\x1b[2J unit\\x0awith lines" in init.err


WWN = "/dev/disk/by-id/wwn-0x6001405"


@pytest.mark.parametrize("disk", ["/dev/sdb", "/dev/disk/by-id/scsi-36001405"])
def test_a_disk_of_sbd_s_is_no_service_s_by_whatever_name(disk: str, init: Init) -> None:
    """SBD's header would destroy the service's data."""
    options = ("--service", "shop", "--unit", "nginx")
    assert init("--defaults", "--sbd", disk, *options) == 2
    assert f"{WWN} is already used by sbd" in init.err
    assert init("--defaults", "--sbd", disk, *options, "--disk", "") == 0
    assert init.description.sbd is not None
    assert init.description.sbd.devices == [WWN]


@pytest.mark.parametrize("disk", ["/dev/sda1", "/dev/sda", "/dev/disk/by-id/ata-root"])
def test_a_disk_that_is_in_use_is_none_for_sbd(disk: str, init: Init, site: Site) -> None:
    """The system's own, for example: `cluster create` would write over it."""
    site.link("dev/disk/by-id/ata-root", "../../sda1")
    assert init("--defaults", "--sbd", disk) == 2
    assert f"--sbd {disk}: it is in use on this machine (/)" in init.err
    assert not init.file.exists()


def test_a_disk_in_use_is_asked_for_again(init: Init) -> None:
    """Whoever answers with it is told, too."""
    typed = ["", "", "", "fence_sbd", "/dev/sda1", "fence_sbd", WWN, ""]
    assert init(typed=typed) == 0
    assert "/dev/sda1: it is in use on this machine (/)" in init.err
    assert init.description.sbd is not None
    assert init.description.sbd.devices == [WWN]


@pytest.mark.parametrize(
    ("options", "device"),
    [(("--sbd", WWN), "/dev/watchdog0"), (("--watchdog", "/dev/watchdog"), "/dev/watchdog")],
)
def test_a_watchdog_of_the_kernel_s_is_warned_of(
    options: tuple[str, ...], device: str, *, init: Init, site: Site
) -> None:
    """Softdog hangs together with the kernel that it should reset."""
    site.file("sys/class/watchdog/watchdog0/identity", "Software Watchdog")
    assert init("--defaults", "--disk", "", *options, "--json") == 0
    [found] = [each for each in json.loads(init.out)["warnings"] if "watchdog" in each["code"]]
    assert found["code"] == "software-watchdog"
    assert f"{device} is only a timer of the kernel's (softdog)" in found["message"]
    assert "softdog" in init.file.read_text()


def test_a_watchdog_that_is_not_there_is_warned_of(init: Init) -> None:
    """SBD would not start, and with it no node."""
    assert init("--defaults", "--sbd", WWN, "--disk", "") == 0
    assert "this machine has no watchdog /dev/watchdog" in init.err


def test_a_real_watchdog_is_not_warned_of(init: Init, site: Site) -> None:
    """Whichever name it has."""
    site.file("sys/class/watchdog/watchdog0/identity", "iTCO_wdt")
    assert init("--defaults", "--sbd", WWN, "--disk", "", "--watchdog", "/dev/watchdog") == 0
    assert "this machine has no watchdog" not in init.err
    assert "softdog" not in init.err


def test_a_password_is_not_said_again(init: Init) -> None:
    """It may be in the log of who runs it."""
    said = ("--fence", "fence_apc ip=203.0.113.2 username=cluster password=hunter2")
    assert init("--defaults", *said) == 2
    assert "hunter2" not in init.err
    assert "fence_apc also needs password_script" in init.err
