"""Asking fence agents whether a machine is on; nothing is switched.

The monitor of a device only says that the device answers. That it knows the machine which it shall
fence is seen when it is asked for it: by the action `status`, which ends with 0 for a machine that
is on, and with 2 for one that is off (FenceAgentAPI). Pacemaker has no command for that, so the
agent is run here, with what Pacemaker would give it, on standard input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from cib_templates.cib.secrecy.masking import MASK, masked
from cib_templates.cib.secrecy.secrets import is_secret
from cib_templates.cib.text import NotXml, parse
from pcs_wrapper.errors import CommandTimedOut, ProgramError
from pcs_wrapper.fencing.devices import Device
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.runner import Result
from pcs_wrapper.machine.waiting import shown_as_waiting

Power = Literal["on", "off", "unknown"]

# A login to a slow device and an answer; whoever needs more is slower than most clusters' fencing.
_PATIENCE = 20.0
_ANY = range(-64, 256)
_ON, _OFF = 0, 2
# How many devices are asked at once.
_AT_ONCE = 8
# Where Pacemaker keeps what a parameter only refers to.
_KEPT_ELSEWHERE = "lrm://"
# Pacemaker's own stand-in for a node's watchdog, which has nothing that could be asked.
_WATCHDOG = "fence_watchdog"
# It leaves a node a message, and takes that for its end.
_MESSENGER = "fence_sbd"


@dataclass(frozen=True)
class Answer:
    """What a device says of a node's machine.

    Attributes:
        device: The device's ID.
        node: The node.
        plug: What the device calls it.
        power: Whether the machine is on.
        reason: Why that is not known; empty if it is.
        was_asked: Whether the device was asked and had to know it.
        is_power: Whether the device switches power: one that takes a node's storage away, or leaves
            it a message, knows nothing of that.
    """

    device: str
    node: str
    plug: str
    power: Power
    reason: str = ""
    was_asked: bool = True
    is_power: bool = True


@dataclass(frozen=True)
class _Abilities:
    """What an agent's meta-data say of it.

    Attributes:
        actions: The names of its actions.
        plug: The name of the parameter for the machine.
        cuts_off: Whether a node has to be let in again by the action `on`, as its storage or its
            network was taken away and not its power (FenceAgentAPI, "unfencing").
        problem: Why they are not known; empty if they are.
    """

    actions: frozenset[str] = frozenset()
    cuts_off: bool = False
    plug: str = "port"
    problem: str = ""


class Asking:
    """The fence agents of this machine, asked on behalf of devices.

    Args:
        machine: This machine.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._abilities: dict[str, _Abilities] = {}

    def ask(self, wanted: Sequence[tuple[Device, Sequence[str]]]) -> list[Answer]:
        """Ask devices for nodes, several devices at once, and each device for one at a time.

        A device that does not answer is asked for no further node, so that none of them holds the
        others up.

        Args:
            wanted: The devices, each with the names of the nodes. Those that a device without a
                list of nodes does not know are left out of the result.
        """
        if not wanted:
            return []
        names = ", ".join(dict.fromkeys(device.id for device, _ in wanted))
        pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
        try:
            with shown_as_waiting(self._machine, f"{names}: asked whether the machines are on"):
                futures = [pool.submit(self._ask, device, nodes) for device, nodes in wanted]
                return [answer for future in futures for answer in future.result()]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, device: Device, nodes: Sequence[str]) -> list[Answer]:
        obstacle = self._obstacle(device)
        known: set[str] | None = None
        if not obstacle and device.plugs is None and not device.fences_all:
            known, obstacle = self._listed(device)
        answers: list[Answer] = []
        for node in nodes:
            if known is not None and node not in known:
                continue
            if obstacle:
                answers.append(
                    Answer(device.id, node, device.plug(node), "unknown", obstacle, was_asked=False)
                )
                continue
            answer, is_silent = self._status(device, node)
            answers.append(answer)
            if is_silent:
                obstacle = "the device did not answer for another node before"
        return answers

    def _obstacle(self, device: Device) -> str:
        """Return why a device cannot be asked at all; empty if it can."""
        if device.agent == _WATCHDOG:
            return "the node's own watchdog cannot be asked"
        is_agent = device.agent.startswith("fence_") and "/" not in device.agent
        if not is_agent or self._machine.runner.find(device.agent) is None:
            return f"{device.agent} is not installed on {self._machine.host}"
        kept = [key for key, value in device.parameters.items() if value == _KEPT_ELSEWHERE]
        if kept:
            return f"Pacemaker keeps {', '.join(kept)} as a secret, so only Pacemaker can ask it"
        abilities = self._abilities_of(device.agent)
        if abilities.problem:
            return abilities.problem
        # An agent that does not know the action might take another one.
        if "status" not in abilities.actions:
            return f"{device.agent} has no action `status`"
        return ""

    def _abilities_of(self, agent: str) -> _Abilities:
        if agent not in self._abilities:
            self._abilities[agent] = self._read_abilities(agent)
        return self._abilities[agent]

    def _read_abilities(self, agent: str) -> _Abilities:
        try:
            result = self._run(agent, {"action": "metadata"})
            root = parse(result.stdout)
        except (ProgramError, NotXml):
            return _Abilities(problem=f"{agent} does not print its meta-data")
        parameters = {each.get("name", "") for each in root.iterfind("parameters/parameter")}
        return _Abilities(
            frozenset(each.get("name", "") for each in root.iterfind("actions/action")),
            root.find("actions/action[@name='on'][@automatic='1']") is not None,
            next((name for name in ("plug", "port") if name in parameters), ""),
        )

    def _listed(self, device: Device) -> tuple[set[str] | None, str]:
        """Return which machines a device says it has, and why that is not known.

        Without an action `list`, Pacemaker asks the device for each node's status instead.
        """
        if "list" not in self._abilities_of(device.agent).actions:
            return None, ""
        try:
            result = self._run(device.agent, _given(device) | {"action": "list"})
        except CommandTimedOut:
            return None, _silence()
        except ProgramError as error:
            return None, f"{error}"
        if result.exit_code != 0:
            return None, _reason(result, device)
        words = (line.split(",") for line in result.stdout.replace("\t", ",").splitlines())
        return {word.strip() for line in words for word in line if word.strip()}, ""

    def _status(self, device: Device, node: str) -> tuple[Answer, bool]:
        """Return what a device says of a node, and whether it gave no answer at all."""
        plug, given = device.plug(node), _given(device) | {"action": "status"}
        argument = device.parameters.get("pcmk_host_argument", "")
        if argument != "none":
            given["nodename"] = node
            argument = argument or self._abilities_of(device.agent).plug
            # What the configuration says itself is not replaced (lib/fencing, make_args).
            if argument and given.get(argument, "dynamic") == "dynamic":
                given[argument] = plug
            else:
                plug = given.get(argument, plug)
        given["action"] = device.parameters.get("pcmk_status_action", "status")
        try:
            result = self._run(device.agent, given)
        except CommandTimedOut:
            return Answer(device.id, node, plug, "unknown", _silence()), True
        except ProgramError as error:
            return Answer(device.id, node, plug, "unknown", f"{error}"), True
        if result.exit_code in (_ON, _OFF):
            power: Power = "on" if result.exit_code == _ON else "off"
            cuts_off = self._abilities_of(device.agent).cuts_off
            is_power = not cuts_off and device.agent != _MESSENGER
            return Answer(device.id, node, plug, power, is_power=is_power), False
        return Answer(device.id, node, plug, "unknown", _reason(result, device)), False

    def _run(self, agent: str, given: Mapping[str, str]) -> Result:
        lines = "".join(f"{name}={value}\n" for name, value in given.items() if "\n" not in value)
        return self._machine.runner.run(agent, timeout=_PATIENCE, stdin=lines, ok=_ANY)


def _given(device: Device) -> dict[str, str]:
    """Return what the agent is given of a device's parameters: not those of Pacemaker's own."""
    return {
        name: value
        for name, value in device.parameters.items()
        if not name.startswith("pcmk_") and name not in ("action", "provides", "priority")
    }


def _silence() -> str:
    return f"no answer within {_PATIENCE:g} s"


def _reason(result: Result, device: Device) -> str:
    lines = [line.strip() for line in (result.stderr or result.stdout).splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    for name, value in device.parameters.items():
        if is_secret(name) and value:
            last = last.replace(value, MASK)
    return masked(last) or f"the agent ended with {result.exit_code}, and said nothing"


def by_device(
    devices: Iterable[Device], nodes: Sequence[str], wanted: Callable[[Device, str], bool]
) -> list[tuple[Device, list[str]]]:
    """Return for which nodes each device is to be asked; devices without any are left out.

    Args:
        devices: The devices.
        nodes: The names of all nodes.
        wanted: A function that tells whether a device is to be asked for a node.
    """
    pairs = [(device, [node for node in nodes if wanted(device, node)]) for device in devices]
    return [(device, names) for device, names in pairs if names]
