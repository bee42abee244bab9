"""What the programs of a cluster answer, and what they do to it.

Each answers only to the options that Takeover gives it: with others, the real one would tell
something else, and the test fails.
"""

from __future__ import annotations

import base64
import io
import json
import shlex
import stat
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cib_templates.cib.record import without_record
from pcs_wrapper.machine.runner import Result
from tests.unit.fakes.patchset import DoesNotFit, difference, patched, version_of

STATES = Path(__file__).parents[1] / "pcs_wrapper" / "crm_mon"
#: How a push is recorded, and named: its file is another one each time.
PUSH = "cibadmin --patch"
#: How every command of apt and dpkg begins that Takeover runs.
APT = "env DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l"
#: How long a look at the cluster's state takes, in seconds.
LOOK = 10.0
# What crm_error(8) calls them.
_OLD, _DISCONNECTED, _CONFIG, _DIFF_FAILED = 103, 102, 78, 65
_CRM_MON = {"--output-as=xml", "--one-shot", "--inactive", "--fence-history=3"}
_SIMULATE = {"crm_simulate", "--run", "--live-check", "--output-as=xml"}
_AFTERWARDS = {"crm_simulate", "--simulate", "--live-check", "--output-as=xml"}
#: Who has last changed a CIB that the scheduler has saved.
_SCHEDULER = "crm_simulate"
_LATEST, _ALL = {"--boot", "--lines=300"}, {"--lines=20000"}
_JOURNAL = {
    *("--output=json", "--output-fields=MESSAGE", "--no-pager"),
    "--identifier=pacemaker-fenced",
    *("_UID=0", "_COMM=pacemaker-fence", "_SYSTEMD_UNIT=pacemaker.service"),
}
# As pcs 0.11.5 and 0.12.0 print it.
CONFIG: dict[str, Any] = {
    "cluster_name": "shop",
    "transport": "KNET",
    "totem_options": {"token": "1000"},
    "nodes": [
        {
            "name": f"node{number}",
            "nodeid": f"{number}",
            "addrs": [
                {"addr": f"203.0.113.1{number}", "link": "1", "type": "IPv4"},
                {"addr": f"198.51.100.1{number}", "link": "0", "type": "IPv4"},
            ],
        }
        for number in (1, 2, 3)
    ],
}


@dataclass(frozen=True)
class Push:
    """A change of the live CIB that was pushed and taken.

    Attributes:
        before: The live CIB just before.
        after: The live CIB just after.
        state: What crm_mon told then, as XML.
        source: The version that the patch was for, with dots.
        target: The version that it made.
    """

    before: str
    after: str
    state: str
    source: str
    target: str


@dataclass(repr=False)
class Programs:
    """A cluster, and the programs that tell of it and change it.

    Attributes:
        state: What crm_mon tells, as XML; empty as long as no test has said it.
        cib: The live CIB.
        config: Corosync's configuration, as pcs tells it.
        disk_contents: What is on disks, as blkid calls it, by their paths.
        config_files: The same of other files, by their paths.
        loaded: What Corosync has loaded of it; None if it is all of it.
        dead_links: The links of this node that are dead: the number of the link, and the ID of the
            other node.
        hosts: The addresses of host names.
        password: hacluster's password.
        scheduled: What crm_simulate says of the live CIB, and of any other; None if it must not be
            asked.
        scheduled_later: What crm_simulate says of a CIB that it has saved itself; what it says of
            the live CIB if it is empty.
        journal: The messages of pacemaker-fenced in the journal, each perhaps with its time.
        machines: What the fencing devices say of each machine that they have: `on` or `off`, or an
            error that they end with; machines that are not here they do not have.
        cuts_off: Whether the fencing devices switch no power, but take a node's storage away.
        silent_devices: The fence agents that do not answer.
        told_agents: What the fence agents were given.
        answering: The addresses that answer a ping.
        attributes: The values of private node attributes, by name and node.
        taken: What each node finds taken when it is asked by a survey; only what is said here.
        silent: The nodes on which the survey's agent is not installed.
        asked: What was asked, survey by survey.
        timers: The commands that wait for their time, by unit.
        pushes: What was pushed, and taken.
        simulated: The CIBs that the scheduler was asked about.
        pcsd: What pcs says of pcsd on each node, if that is not `Online`.
        authenticates: Called with the name and the address of each machine that pcs authenticates
            this one to.
        sbd: The nodes on which SBD runs.
        corosync_conf: The file with Corosync's configuration, the same on every node.
        other_confs: The text of that file on nodes that have another one.
        verified: What crm_verify says of any configuration; nothing if it finds nothing wrong.
        slots: The nodes that have a slot on each of SBD's disks that this node can read.
        votes: What corosync-quorumtool prints.
        certificates: Since when and until when each certificate for the witness is valid.
        enabled: The units that start at boot.
        files: The files that programs were given.
        packages: The packages that are installed: the source and the version of each, by its name.
        repository: The versions that apt would install, by the names of the packages.
        seconds: How much time has passed.
    """

    _state: str = ""
    cib: str = "<cib><configuration/><status/></cib>"
    config: dict[str, Any] = field(default_factory=lambda: dict(CONFIG))
    disk_contents: dict[str, str] = field(default_factory=dict)
    config_files: dict[str, dict[str, Any]] = field(default_factory=dict)
    pcsd: dict[str, str] = field(default_factory=dict)
    authenticates: Callable[[str, str], None] = lambda _name, _address: None
    sbd: set[str] = field(default_factory=set)
    corosync_conf: Path = Path("/nonexistent")
    other_confs: dict[str, str] = field(default_factory=dict)
    verified: str = ""
    slots: dict[str, list[str]] = field(default_factory=dict)
    votes: str = ""
    certificates: dict[str, tuple[str, str]] = field(default_factory=dict)
    loaded: dict[str, Any] | None = None
    dead_links: set[tuple[int, int]] = field(default_factory=set)
    hosts: dict[str, str] = field(default_factory=dict)
    password: str = "hunter2"
    scheduled: tuple[str, str] | None = None
    scheduled_later: str = ""
    journal: list[Any] = field(default_factory=list)
    machines: dict[str, str] = field(
        default_factory=lambda: {"node1": "on", "node2": "on", "node3": "on"}
    )
    silent_devices: set[str] = field(default_factory=set)
    cuts_off: bool = False
    told_agents: list[dict[str, str]] = field(default_factory=list)
    answering: set[str] = field(default_factory=set)
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    taken: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[list[dict[str, Any]]] = field(default_factory=list)
    timers: dict[str, str] = field(default_factory=dict)
    pushes: list[Push] = field(default_factory=list)
    simulated: list[etree._Element] = field(default_factory=list)
    enabled: set[str] = field(default_factory=set)
    files: list[Path] = field(default_factory=list)
    packages: dict[str, tuple[str, str]] = field(default_factory=dict)
    repository: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    _before_survey: str = ""

    @property
    def state(self) -> str:
        """What crm_mon tells, as XML; it may be set to the name of a fixture, too."""
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        is_name = state.replace("-", "").replace(".", "").isalnum()
        self._state = told(state) if is_name else state

    # What reads it.

    def _crm_mon(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(set(command[1:]) == _CRM_MON, f"crm_mon would tell otherwise: {command}")
        self.seconds += LOOK
        return Result(self._status, self.state, "")

    @property
    def _status(self) -> int:
        """The exit code of crm_mon, which it also says."""
        status = etree.fromstring(self.state.encode()).find("status")
        return int(status.get("code", "0")) if status is not None else 0

    def _pcs_cib(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(len(command) == len("pcs cluster cib".split()), f"more than a CIB: {command}")
        if self._status == _DISCONNECTED:
            return Result(1, "", "Error: unable to get cib\n")
        return Result(0, self.cib, "")

    def _getent(self, command: tuple[str, ...], _stdin: str) -> Result:
        address = self.hosts.get(command[-1])
        return Result(2, "", "") if address is None else Result(0, f"{address} STREAM x\n", "")

    def _query(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(len(command) == len("cibadmin --query".split()), f"more than a CIB: {command}")
        if self._status == _DISCONNECTED:
            return Result(_DISCONNECTED, "", "cibadmin: Connection to cluster failed\n")
        return Result(0, self.cib, "")

    def _config(self, command: tuple[str, ...], _stdin: str) -> Result:
        options = command[len("pcs cluster config".split()) :]
        require(options[:1] == ("--output-format=json",), f"pcs would tell otherwise: {command}")
        if len(options) == 1:
            return Result(0, json.dumps(self.config), "")
        require(options[1] == "--corosync_conf", f"pcs would tell otherwise: {command}")
        if options[2] not in self.config_files and Path(options[2]).exists():
            return Result(0, Path(options[2]).read_text(), "")  # one of `pcs config backup`
        if options[2] not in self.config_files:
            return Result(1, "", f"Error: Unable to read '{options[2]}': No such file\n")
        return Result(0, json.dumps(self.config_files[options[2]]), "")

    def _links(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(command[1:] == ("-s",), f"corosync-cfgtool would tell otherwise: {command}")
        lines = ["Local node ID 1, transport knet"]
        for link in sorted(int(each["link"]) for each in self.config["nodes"][0]["addrs"]):
            lines += [f"LINK ID {link} udp", "\taddr\t= 203.0.113.11", "\tstatus:"]
            for node in range(1, len(self.config["nodes"]) + 1):
                dead = "disconnected" if (link, node) in self.dead_links else "connected"
                lines.append(f"\t\tnodeid: {node:10}:\t{'localhost' if node == 1 else dead}")
        return Result(1 if self.dead_links else 0, "\n".join(lines) + "\n", "")

    def _loaded(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(len(command) == 1, f"corosync-cmapctl would tell otherwise: {command}")
        loaded = self.config if self.loaded is None else self.loaded
        lines = [f"totem.{key} (u32) = {value}" for key, value in loaded["totem_options"].items()]
        for index, node in enumerate(loaded["nodes"]):
            lines.append(f"nodelist.node.{index}.name (str) = {node['name']}")
            lines += [
                f"nodelist.node.{index}.ring{each['link']}_addr (str) = {each['addr']}"
                for each in node["addrs"]
            ]
        return Result(0, "\n".join(lines) + "\n", "")

    def _wait(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(
            len(command) == 3 and command[2].startswith("--timeout="), f"waits for ever: {command}"
        )
        return Result(self._status, "", "")

    def _crm_diff(self, command: tuple[str, ...], _stdin: str) -> Result:
        options = dict(zip(command[1::2], command[2::2], strict=False))
        original = self._xml(options["--original"])
        if "--patch" in options:
            try:
                result = patched(original, self._xml(options["--patch"]))
            except DoesNotFit as error:
                return Result(_DIFF_FAILED, "", f"Could not apply patch: no match for {error}\n")
            return Result(0, as_text(result), "")
        with_versions = "--no-version" not in command
        patch = difference(original, self._xml(options["--new"]), with_versions=with_versions)
        return Result(0, "", "") if patch is None else Result(1, as_text(patch), "")

    def _crm_simulate(self, command: tuple[str, ...], _stdin: str) -> Result:
        saved = _option(command, "--save-output") if "--simulate" in command else ""
        wanted = {*_AFTERWARDS, f"--save-output={saved}"} if saved else _SIMULATE
        require(set(command[2:]) == wanted, f"crm_simulate would tell otherwise: {command}")
        asked = self._xml(command[1].removeprefix("CIB_file="))
        if saved:
            asked.set("update-client", _SCHEDULER)
            Path(saved).write_text(as_text(asked))
            return Result(0, "<pacemaker-result/>", "")
        self.simulated.append(asked)
        if self.scheduled is None:
            pytest.fail("the scheduler was asked")
        if asked.get("update-client") == _SCHEDULER:
            return Result(0, self.scheduled_later or self.scheduled[0], "")
        # As a node that has just been lost: the configuration is the same then.
        has_lost = asked.find("status/node_state[@in_ccm='false']") is not None
        is_live = configuration(asked) == configuration(self.cib) and not has_lost
        return Result(0, self.scheduled[0 if is_live else 1], "")

    def _journalctl(self, command: tuple[str, ...], _stdin: str) -> Result:
        asked = set(command[1:]) - _JOURNAL
        require(asked in (_LATEST, _ALL), f"journalctl would tell otherwise: {command}")
        require(set(command) > _JOURNAL, f"journalctl would tell of others, too: {command}")
        entries = (
            {"MESSAGE": each[1], "__REALTIME_TIMESTAMP": f"{int(each[0] * 1_000_000)}"}
            if isinstance(each, tuple)
            else {"MESSAGE": each}
            for each in self.journal
        )
        lines = [json.dumps(entry) + "\n" for entry in entries]
        return Result(0 if lines else 1, "".join(lines), "")

    def _quorumtool(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(command[1:] == ("-s",), f"corosync-quorumtool is asked otherwise: {command}")
        return Result(0 if self.votes else 1, self.votes, "")

    def _certutil(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(command[1:3] == ("-L", "-d"), f"certutil would do otherwise: {command}")
        if command[-1] not in self.certificates:
            return Result(255, "", f"certutil: Could not find cert: {command[-1]}\n")
        begins, ends = self.certificates[command[-1]]
        validity = f"Validity:\n            Not Before: {begins}\n            Not After : {ends}\n"
        return Result(0, f"Certificate:\n    Data:\n        {validity}", "")

    def _attribute(self, command: tuple[str, ...], _stdin: str) -> Result:
        name = _option(command, "--name")
        wanted = {"--query", "--all", f"--name={name}", "--output-as=xml"}
        require(set(command[1:]) == wanted, f"attrd_updater would tell otherwise: {command}")
        root = etree.Element("pacemaker-result", {"api-version": "2.25"})
        for (attribute, host), value in self.attributes.items():
            if attribute == name:
                etree.SubElement(root, "attribute", name=name, value=value, host=host)
        code, message = (0, "OK") if len(root) else (_CONFIG, "attribute does not exist")
        etree.SubElement(root, "status", code=str(code), message=message)
        return Result(code, as_text(root), "")

    def _fence_agent(self, command: tuple[str, ...], stdin: str) -> Result:
        require(len(command) == 1, f"a fence agent is given its parameters by stdin: {command}")
        given = dict(line.split("=", 1) for line in stdin.splitlines())
        if given["action"] == "metadata":
            actions = "".join(f'<action name="{each}"/>' for each in ("status", "list", "monitor"))
            actions += '<action name="on" automatic="1"/>' * self.cuts_off
            return Result(
                0,
                f'<resource-agent><parameters><parameter name="plug"/></parameters><actions>'
                f"{actions}</actions></resource-agent>",
                "",
            )
        self.told_agents.append(given)
        if command[0] in self.silent_devices:
            raise TimeoutError
        if given["action"] == "list":
            return Result(0, "".join(f"{name},\n" for name in self.machines), "")
        require(given["action"] == "status", f"this switches something: {given}")
        power = self.machines.get(given["plug"], f"no such plug: {given['plug']}")
        code = {"on": 0, "off": 2}.get(power, 1)
        return Result(code, "", f"{power}\n" if code == 1 else "")

    def _ping(self, command: tuple[str, ...], _stdin: str) -> Result:
        require("-c" in command and "-W" in command, f"ping would take for ever: {command}")
        return Result(0 if command[-1] in self.answering else 1, "", "")

    # A survey leaves nothing of itself, and counts as a look at the nodes.

    def _ask(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(command[2:5] == ("--scope", "resources", "--xml-text"), f"no survey: {command}")
        survey = etree.fromstring(command[5])
        meta = {pair.get("name"): pair.get("value") for pair in survey.iter("nvpair")}
        require(meta.get("is-managed") == "false", "a survey that Pacemaker manages")
        number = self._note_question(meta["question"] or "", meta["number"] or "")
        root = etree.fromstring(self.cib)
        status = root.find("status")
        assert status is not None
        self._before_survey = self.cib
        for node in etree.fromstring(self.state.encode()).iterfind("nodes/node"):
            name = node.get("name", "")
            state = etree.SubElement(status, "node_state", uname=name)
            lrm = etree.SubElement(etree.SubElement(state, "lrm"), "lrm_resources")
            probes = etree.SubElement(lrm, "lrm_resource", id=survey.get("id", ""))
            code = "5" if name in self.silent else "7"
            probe = {"operation": "monitor", "rc-code": code, "op-status": "0"}
            etree.SubElement(probes, "lrm_rsc_op", probe)
            if name not in self.silent:
                self.attributes["takeover-survey", name] = self._survey_says(name, number)
        self.cib = as_text(root)
        return Result(0, "", "")

    def _forget(self, command: tuple[str, ...], _stdin: str) -> Result:
        require("takeover-survey" in command[5], f"not a survey: {command}")
        if self._before_survey:
            self.cib, self._before_survey = self._before_survey, ""
            return Result(0, "", "")
        root = etree.fromstring(self.cib)
        identity = etree.fromstring(command[5]).get("id")
        for left in root.iterfind(f"configuration/resources/primitive[@id='{identity}']"):
            left.getparent().remove(left)  # type: ignore[union-attr]
            self.cib = as_text(root)
        return Result(0, "", "")

    def _note_question(self, question: str, number: str) -> str:
        packed = zlib.decompress(base64.b64decode(question))
        self.asked.append(json.loads(packed))
        return number

    def _survey_says(self, node: str, number: str) -> str:
        return json.dumps({"number": number, "conflicts": self.taken.get(node, [])})

    def _env(self, command: tuple[str, ...], stdin: str) -> Result:
        values = dict(word.split("=", 1) for word in command[1:] if "=" in word)
        if "CIB_file" in values:
            return self._crm_simulate(command, stdin)
        require(command[-2].endswith("/survey") and command[-1] == "monitor", f"{command}")
        question = values["OCF_RESKEY_question"]
        number = self._note_question(question, values["OCF_RESKEY_number"])
        return Result(7, self._survey_says("node1", number) + "\n", "")

    def _dpkg_query(self, command: tuple[str, ...], _stdin: str) -> Result:
        wanted = r"--showformat=${db:Status-Abbrev}\t${source:Package}\t${Package}\t${Version}\n"
        require(command[1:] == ("--show", wanted), f"dpkg-query would tell otherwise: {command}")
        lines = [f"ii \t{each[0]}\t{name}\t{each[1]}\n" for name, each in self.packages.items()]
        # One that was removed, whose configuration is still there.
        return Result(0, "".join(lines) + "rc \tpacemaker\tpacemaker-doc\t1.0\n", "")

    def _new_versions(self, command: tuple[str, ...]) -> dict[str, str]:
        """Return what apt would install."""
        for option in ("--assume-yes", "--no-remove", "--option=DPkg::Options::=--force-confold"):
            require(option in command, f"apt would ask, remove or overwrite: {command}")
        if "upgrade" in command:
            require("--with-new-pkgs" in command, f"less than all: {command}")
            names = set(self.repository)
        else:
            require("--only-upgrade" in command, f"something new: {command}")
            names = {each for each in command if each in self.packages}
        return {
            name: version
            for name, version in self.repository.items()
            if name in names and self.packages.get(name, ("", ""))[1] != version
        }

    def _apt_simulate(self, command: tuple[str, ...], _stdin: str) -> Result:
        lines = ["Reading package lists...\n"]
        for name, version in self._new_versions(command).items():
            old = f"[{self.packages[name][1]}] " if name in self.packages else ""
            lines.append(f"Inst {name} {old}({version} Debian:12/stable [amd64])\n")
            lines.append(f"Conf {name} ({version} Debian:12/stable [amd64])\n")
        return Result(0, "".join(lines), "")

    # What changes something.

    def _apt_download(self, command: tuple[str, ...], _stdin: str) -> Result:
        self._new_versions(command)
        return Result(0, "", "")

    def _apt_install(self, command: tuple[str, ...], _stdin: str) -> Result:
        for name, version in self._new_versions(command).items():
            self.packages[name] = (self.packages.get(name, (name, ""))[0], version)
        return Result(0, "", "")

    def _patch(self, command: tuple[str, ...], _stdin: str) -> Result:
        patch = self._xml(command[3])
        live = etree.fromstring(self.cib)
        source, target = patch.find("version/source"), patch.find("version/target")
        if self._status == _DISCONNECTED:
            return Result(_DISCONNECTED, "", "cibadmin: Connection to cluster failed\n")
        if source is not None and version_of(source) != version_of(live):
            said = "Call failed: Update was older than existing configuration\n"
            return Result(_OLD, "", said)
        try:
            result = patched(live, patch)
        except DoesNotFit:
            said = "Call failed: Application of an update diff failed\n"
            return Result(1, "", said)
        before, self.cib = self.cib, as_text(result)
        versions = (
            "" if version is None else ".".join(version_of(version)) for version in (source, target)
        )
        self.pushes.append(Push(before, self.cib, self.state, *versions))
        return Result(0, "", "")

    def _cleanup(self, command: tuple[str, ...], _stdin: str) -> Result:
        resources = etree.fromstring(self.cib).find("configuration/resources")
        present = () if resources is None else resources.iterfind(f".//*[@id='{command[3]}']")
        if not any(True for _ in present):
            said = f"Error: Unable to forget failed operations of resource: {command[3]}\n"
            return Result(1, "", f"{said}Resource '{command[3]}' not found\n")
        return Result(0, "", f"Cleaned up {command[3]} on all nodes\n")

    def _delete_attribute(self, command: tuple[str, ...], _stdin: str) -> Result:
        root = etree.fromstring(self.cib)
        node, name = _option(command, "--node"), _option(command, "--name")
        for pair in root.iterfind(f"status/node_state[@uname='{node}']//nvpair[@name='{name}']"):
            parent = pair.getparent()
            assert parent is not None
            parent.remove(pair)
        root.set("num_updates", str(int(root.get("num_updates", "0")) + 1))
        self.cib = as_text(root)
        return Result(0, "", "")

    def _set_standby(self, command: tuple[str, ...], _stdin: str) -> Result:
        wanted = ("--name", "standby", "--lifetime", "reboot")
        require(command[3:7] == wanted, f"not a standby until the next restart: {command}")
        self._forget_standby(command[2])
        if command[7:] == ("--update", "on"):
            root = etree.fromstring(self.cib)
            [sets] = root.iterfind(
                f"status/node_state[@uname='{command[2]}']/transient_attributes/instance_attributes"
            )
            etree.SubElement(sets, "nvpair", id="standby", name="standby", value="on")
            self.cib = as_text(root)
        else:
            require(command[7:] == ("--delete",), f"neither a standby nor its end: {command}")
        return Result(0, "", "")

    def _forget_standby(self, node: str) -> None:
        root = etree.fromstring(self.cib)
        for pair in root.iterfind(f"status/node_state[@uname='{node}']//nvpair[@name='standby']"):
            pair.getparent().remove(pair)  # type: ignore[union-attr]
        self.cib = as_text(root)

    def _stop_cluster(self, command: tuple[str, ...], _stdin: str) -> Result:
        for name in command[len("pcs cluster stop".split()) :]:
            require(name.startswith("--") or name in self._names, f"no such node: {command}")
            # What a node has for as long as its cluster runs goes with it.
            self._forget_standby(name)
        return Result(0, "", "")

    def _remove_node(self, command: tuple[str, ...], _stdin: str) -> Result:
        name = command[len("pcs cluster node remove".split())]
        if name not in self._names:
            return Result(
                1, "", f"Error: Node '{name}' does not appear to exist in configuration\n"
            )
        if self.pcsd.keys() & set(self._names) and "--skip-offline" not in command:
            return Result(1, "", "Error: Unable to connect to a node\n")
        if name in self.pcsd and "--force" not in command:
            said = "Error: Unable to determine whether this action will cause a loss of the quorum"
            return Result(1, "", f"{said}, use --force to override\n")
        self.config = self.config | {
            "nodes": [node for node in self.config["nodes"] if node["name"] != name]
        }
        self._forget_node(name)
        if name in self.pcsd:
            return Result(0, "", f"Warning: Removed node '{name}' could not be reached\n")
        said = f"Destroying cluster on hosts: '{name}'...\n{name}: Successfully destroyed cluster\n"
        return Result(0, "", said)

    def _add_node(self, command: tuple[str, ...], _stdin: str) -> Result:
        name, *words = command[len("pcs cluster node add".split()) :]
        if name in self._names:
            return Result(1, "", f"Error: Node name '{name}' is already used by existing nodes\n")
        addresses = [word.removeprefix("addr=") for word in words if word.startswith("addr=")]
        node = {
            "name": name,
            "nodeid": f"{len(self._names) + 1}",
            "addrs": [
                {"addr": address, "link": f"{number}", "type": "IPv4"}
                for number, address in enumerate(addresses)
            ],
        }
        self.config = self.config | {"nodes": [*self.config["nodes"], node]}
        return Result(0, "", f"Node addition was successful: {name}\n")

    def _destroy(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(len(command) == len("pcs cluster destroy --all".split()), f"more: {command}")
        silent = {"Offline", "Unable to authenticate"}
        lines = [
            f"{name}: Unable to connect to {name}"
            if self.pcsd.get(name) in silent
            else f"{name}: Successfully destroyed cluster"
            for name in self._names
        ]
        self.state = "disconnected"
        return Result(1 if silent & set(self.pcsd.values()) else 0, "", "\n".join(lines) + "\n")

    def _blkid(self, command: tuple[str, ...], _stdin: str) -> Result:
        device = command[-1]
        kind = self.disk_contents.get(device)
        return Result(0, f'{device}: UUID="7" TYPE="{kind}"\n', "") if kind else Result(2, "", "")

    def _clear_node(self, command: tuple[str, ...], _stdin: str) -> Result:
        name = command[len("pcs cluster node clear".split())]
        require(name not in self._names, f"{name} is still in the cluster")
        self._forget_node(name)
        return Result(0, "", "")

    def _forget_node(self, name: str) -> None:
        root = etree.fromstring(self.cib)
        for path in ("configuration/nodes/node", "status/node_state"):
            for element in root.iterfind(f"{path}[@uname='{name}']"):
                element.getparent().remove(element)  # type: ignore[union-attr]
        self.cib = as_text(root)

    @property
    def _names(self) -> list[str]:
        return [node["name"] for node in self.config["nodes"]]

    def _pcsd_status(self, command: tuple[str, ...], _stdin: str) -> Result:
        names = command[len("pcs pcsd status".split()) :]
        require(bool(names) and set(names) <= set(self._names), f"pcsd of whom? {command}")
        lines = [f"  {name}: {self.pcsd.get(name, 'Online')}\n" for name in names]
        return Result(2 if self.pcsd.keys() & set(names) else 0, "".join(lines), "")

    def _sbd_status(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(len(command) == len("pcs stonith sbd status".split()), f"more: {command}")
        lines = ["SBD STATUS", "<node name>: <installed> | <enabled> | <running>"]
        lines += [
            f"{name}: YES | YES | {'YES' if name in self.sbd else 'NO'}" for name in self._names
        ]
        return Result(0, "\n".join(lines) + "\n", "")

    def _crm_verify(self, command: tuple[str, ...], _stdin: str) -> Result:
        require(command[1:3] == ("--verbose", "--xml-file"), f"crm_verify is asked: {command}")
        operations = self._xml(command[3]).xpath("status//lrm_rsc_op")
        require(not operations, "crm_verify would tell of actions that failed")
        return Result(_CONFIG if self.verified else 0, "", self.verified)

    def _conf_of(self, command: tuple[str, ...], _stdin: str) -> Result:
        node = command[len("pcs cluster corosync".split())]
        require(node in self._names, f"whose corosync.conf? {command}")
        text = self.other_confs.get(node) or self.corosync_conf.read_text()
        return Result(0, text.rstrip() + "\n", "")

    def _sbd_disk(self, command: tuple[str, ...], _stdin: str) -> Result:
        option, disk, action = command[1:]
        require(option == "-d" and action in ("list", "dump"), f"sbd would do more: {command}")
        if disk not in self.slots:
            return Result(1, "", f"== disk {disk} unreadable!\n")
        if action == "dump":
            return Result(0, f"==Dumping header on disk {disk}\nTimeout (watchdog) : 5\n", "")
        slots = enumerate(self.slots[disk])
        return Result(0, "".join(f"{at}\t{node}\tclear\t\n" for at, node in slots), "")

    def _start_timer(self, command: tuple[str, ...], _stdin: str) -> Result:
        unit = f"{_option(command, '--unit')}.timer"
        if unit in self.timers:
            said = f"Failed to start transient timer unit: Unit {unit} was already loaded.\n"
            return Result(1, "", said)
        begin = next(at for at, word in enumerate(command) if word.startswith("/"))
        self.timers[unit] = shlex.join(command[begin:])
        return Result(0, "", f"Running timer as unit: {unit}\n")

    def _stop_unit(self, command: tuple[str, ...], _stdin: str) -> Result:
        unit = command[2]
        if self.timers.pop(unit, None) is None:
            return Result(5, "", f"Failed to stop {unit}: Unit {unit} not loaded.\n")
        return Result(0, "", "")

    def _authenticate(self, command: tuple[str, ...], stdin: str) -> Result:
        if stdin != f"{self.password}\n":
            node = command[len("pcs host auth".split())]
            said = f"Error: {node}: Username and/or password is incorrect\n"
            return Result(1, "Password: ", said)
        words = command[len("pcs host auth".split()) : command.index("-u")]
        for name, address in pairwise(words):
            if address.startswith("addr="):
                self.authenticates(name, address.removeprefix("addr="))
        return Result(0, "Password: ", "")

    def _is_enabled(self, command: tuple[str, ...], _stdin: str) -> Result:
        enabled = command[2] in self.enabled
        return Result(0 if enabled else 1, "enabled\n" if enabled else "disabled\n", "")

    def _save_config(self, command: tuple[str, ...], _stdin: str) -> Result:
        contents = {"corosync.conf": json.dumps(self.config), "cib.xml": self.cib}
        with tarfile.open(command[3], mode="w:bz2") as archive:
            for name, content in contents.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content.encode()))
        return Result(0, "", "")

    def _restore_config(self, command: tuple[str, ...], _stdin: str) -> Result:
        file = Path(command[3])
        require(stat.S_IMODE(file.stat().st_mode) == 0o600, f"others can read {file}")
        with tarfile.open(file, mode="r:bz2") as archive:
            found = archive.extractfile("corosync.conf")
            require(found is not None, f"pcs cannot restore {file}")
        self.files.append(file)
        return Result(0, "", "")

    def _update_config(self, command: tuple[str, ...], _stdin: str) -> Result:
        options = dict(word.split("=", 1) for word in command[5:])
        totem = {**self.config["totem_options"], **options}
        left = {name: value for name, value in totem.items() if value}
        self.config = self.config | {"totem_options": left}
        return Result(0, "", "")

    def _add_link(self, command: tuple[str, ...], _stdin: str) -> Result:
        number = command[-1].removeprefix("linknumber=")
        added = dict(word.split("=", 1) for word in command[4:-2])
        require(added.keys() == {node["name"] for node in self.config["nodes"]}, f"{command}")
        self._set_links(
            lambda node: [
                *node["addrs"],
                {"addr": added[node["name"]], "link": number, "type": "IPv4"},
            ]
        )
        return Result(0, "", "")

    def _remove_link(self, command: tuple[str, ...], _stdin: str) -> Result:
        self._set_links(lambda node: [a for a in node["addrs"] if a["link"] != command[4]])
        if not self.config["nodes"][0]["addrs"]:
            return Result(1, "", "Error: Cannot remove all links\n")
        return Result(0, "", "")

    def _set_links(self, of: Callable[[dict[str, Any]], list[dict[str, str]]]) -> None:
        nodes = [{**node, "addrs": of(node)} for node in self.config["nodes"]]
        self.config = self.config | {"nodes": nodes}

    def _reload(self, _command: tuple[str, ...], _stdin: str) -> Result:
        self.loaded = None
        return Result(0, "", "")

    def _stonith_admin(self, command: tuple[str, ...], stdin: str) -> Result:
        asked = {word.partition("=")[0] for word in command[1:]}
        known = {"--fence", "--unfence", "--reboot", "--confirm", "--timeout", "--tolerance"}
        require(asked <= known, f"stonith_admin has no option {', '.join(asked - known)}")
        return self._done(command, stdin)

    def _done(self, _command: tuple[str, ...], _stdin: str) -> Result:
        return Result(0, "", "")

    def _xml(self, path: str) -> etree._Element:
        """Read a file that a program is given: a CIB may say more than everybody should know."""
        file = Path(path)
        mode = stat.S_IMODE(file.parent.stat().st_mode)
        require(mode == 0o700, f"others can read {file}: its folder's mode is {mode:o}")
        self.files.append(file)
        return etree.fromstring(file.read_bytes())


def told(state: str) -> str:
    """Return what crm_mon tells in a state, given the name of its fixture."""
    return (STATES / f"{state}.xml").read_text()


def configuration(cib: str | etree._Element) -> str:
    """Return a CIB's configuration but for the record of changes, written in one way."""
    root = without_record(etree.fromstring(cib) if isinstance(cib, str) else cib)
    text = etree.tostring(root.find("configuration"), with_tail=False)  # type: ignore[arg-type]
    bare = etree.fromstring(text, etree.XMLParser(remove_blank_text=True))
    return etree.tostring(bare, method="c14n").decode()


def as_text(root: etree._Element) -> str:
    """Return XML as Pacemaker's tools print it."""
    etree.indent(root)
    return etree.tostring(root, encoding="unicode") + "\n"


def _option(command: tuple[str, ...], name: str) -> str:
    return next(word.partition("=")[2] for word in command if word.startswith(f"{name}="))


def require(condition: bool, otherwise: str) -> None:
    """Fail the test, whatever exceptions the code under test catches."""
    if not condition:
        pytest.fail(otherwise)


Program = Callable[[Programs, tuple[str, ...], str], Result]
READS: dict[str, Program] = {
    "crm_mon": Programs._crm_mon,
    "pcs cluster cib": Programs._pcs_cib,
    "pcs cluster config": Programs._config,
    "pcs pcsd status": Programs._pcsd_status,
    "pcs stonith sbd status": Programs._sbd_status,
    "pcs cluster corosync": Programs._conf_of,
    "crm_verify": Programs._crm_verify,
    "sbd": Programs._sbd_disk,
    "cibadmin --query": Programs._query,
    "crm_resource --wait": Programs._wait,
    "crm_diff": Programs._crm_diff,
    f"{APT} apt-get update": Programs._done,
    f"{APT} apt-get --simulate": Programs._apt_simulate,
    "env": Programs._env,
    "dpkg-query": Programs._dpkg_query,
    "cibadmin --create": Programs._ask,
    "cibadmin --delete": Programs._forget,
    "journalctl": Programs._journalctl,
    "attrd_updater --query": Programs._attribute,
    "corosync-quorumtool": Programs._quorumtool,
    "certutil": Programs._certutil,
    "corosync-cfgtool": Programs._links,
    "corosync-cmapctl": Programs._loaded,
    "getent ahosts": Programs._getent,
    "blkid --probe": Programs._blkid,
    "fence_apc": Programs._fence_agent,
    "fence_takeover_rig": Programs._fence_agent,
    "fence_sbd": Programs._fence_agent,
    "ping": Programs._ping,
    "systemctl is-enabled": Programs._is_enabled,
    "pcs config backup": Programs._save_config,
}
WRITES: dict[str, Program] = {
    PUSH: Programs._patch,
    "pcs resource cleanup": Programs._cleanup,
    "pcs stonith cleanup": Programs._cleanup,
    "attrd_updater --delete": Programs._delete_attribute,
    "crm_attribute": Programs._set_standby,
    "systemd-run": Programs._start_timer,
    "systemctl stop": Programs._stop_unit,
    "systemctl reboot": Programs._done,
    f"{APT} apt-get --download-only": Programs._apt_download,
    f"{APT} apt-get install": Programs._apt_install,
    f"{APT} apt-get upgrade": Programs._apt_install,
    f"{APT} dpkg --force-confold --configure --pending": Programs._done,
    "pcs host auth": Programs._authenticate,
    "pcs cluster setup": Programs._done,
    "pcs cluster start": Programs._done,
    "pcs cluster stop": Programs._stop_cluster,
    "pcs cluster destroy --all": Programs._destroy,
    "pcs cluster node add": Programs._add_node,
    "pcs cluster node remove": Programs._remove_node,
    "pcs cluster node clear": Programs._clear_node,
    "pcs cluster sync corosync": Programs._done,
    "pcs cluster enable": Programs._done,
    "pcs stonith sbd device setup": Programs._done,
    "pcs stonith sbd enable": Programs._done,
    "pcs quorum device add": Programs._done,
    "pcs quorum device remove": Programs._done,
    "pcs quorum device update": Programs._done,
    "pcs cluster config update totem": Programs._update_config,
    "pcs cluster link add": Programs._add_link,
    "pcs cluster link remove": Programs._remove_link,
    "pcs cluster reload corosync": Programs._reload,
    "pcs config restore": Programs._restore_config,
    "stonith_admin": Programs._stonith_admin,
}
