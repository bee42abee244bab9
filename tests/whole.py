"""A cluster that is whole when a test begins, and put right whatever the test has done to it.

What is broken is found by asking the rig, and Pacemaker's own programs: not the commands that the
tests are for.
"""

from __future__ import annotations

import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from lxml import etree

from vagrant.common.errors import RigError
from vagrant.demo.shop import SERVICE
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

#: How long a repair may take, in seconds: more than a node needs to boot and to take over.
LIMIT = 180.0
#: After a repair that was given up: nobody waits as long again for the same.
SHORT_LIMIT = 10.0
#: When a repair that has not helped is tried again, in seconds.
_AGAIN = 20.0
_PAUSE = 0.5
#: How long a program on a node may take, in seconds.
_ANSWER_LIMIT = 30.0

_RUNNING = ("Started", "Promoted", "Master", "Unpromoted", "Slave")


class NotWholeError(Exception):
    """The cluster could not be put right in time; the message says what is still broken."""


@dataclass(frozen=True)
class Damage:
    """Something of a cluster that is not as it should be.

    Args:
        what: A sentence that names it.
        repair: Puts it right, or begins to; None if only waiting helps.
        last_resort: What is done when half of the time is over.
        on_purpose: Whether tests leave it behind that do what they should, as a failure that they
            have made happen leaves its record.
    """

    what: str
    repair: Callable[[], object] | None = None
    last_resort: Callable[[], object] | None = None
    on_purpose: bool = False


# -- what is broken -------------------------------------------------------------------------------


def damage_to_machines(rig: Rig) -> list[Damage]:
    """Return what is broken of a rig itself: power, cables, power switches."""
    found = []
    for name, node in rig.status()["nodes"].items():
        # The switch first: a node that is plugged in again has to be fenced.
        if node["fencing"] != "works":
            repair = partial(rig.set_fencing, name, works=True)
            found.append(Damage(f"the power switch of {name} {node['fencing']}", repair))
        if node["cut"]:
            links = ", ".join(map(str, node["cut"]))
            found.append(Damage(f"{name} is cut off from {links}", partial(rig.heal, name)))
        if node["power"] != "on":
            repair = partial(rig.power, name, "on")
            found.append(Damage(f"the power of {name} is {node['power']}", repair))
    return found


def damage_to_cluster(rig: Rig, service: str, restore: Callable[[], object]) -> list[Damage]:
    """Return what is broken of the cluster on a rig; of the rig alone if that is broken.

    Args:
        rig: The rig that the cluster is on.
        service: The service that has to be there, by its group's ID.
        restore: Brings the service back into the configuration.
    """
    if damage := damage_to_machines(rig):
        return damage
    views = [_seen_by(rig, node, service, restore) for node in rig.layout.node_names]
    # What all nodes say is one damage, not three.
    return list({each.what: each for view in views for each in view}.values())


def _seen_by(rig: Rig, node: str, service: str, restore: Callable[[], object]) -> list[Damage]:
    """Return what is broken as one of the nodes sees it."""
    patience = rig.equipment.patience

    def on_node(*command: str) -> Callable[[], object]:
        return partial(rig.run, node, *command, check=True, limit=_ANSWER_LIMIT * patience)

    reset = partial(rig.power, node, "reset")
    ask = ("crm_mon", "--output-as=xml", "--one-shot", "--inactive")
    try:
        answer = rig.run(node, *ask, limit=_ANSWER_LIMIT * patience)
    except (RigError, subprocess.TimeoutExpired) as error:
        return [Damage(f"{node} does not answer: {error}", last_resort=reset)]
    if answer.returncode:
        start = on_node("systemctl", "start", "--no-block", "pacemaker")
        return [Damage(f"no cluster runs on {node}", start, reset)]
    seen = etree.fromstring(answer.stdout.encode())
    if seen.find("summary/cluster_options") is None:  # it has no CIB yet
        return [Damage(f"the cluster is starting on {node}", last_resort=reset)]
    found = [*_of_cluster(seen, on_node), *_of_nodes(seen, rig, on_node)]
    if seen.find(f"resources/group[@id='{service}']") is None:
        found.append(Damage(f"the service {service} is not configured", restore))
    return [*found, *_of_resources(seen, on_node), *_failures(seen, on_node)]


OnNode = Callable[..., Callable[[], object]]


def _of_cluster(seen: etree._Element, on_node: OnNode) -> Iterator[Damage]:
    dc = seen.find("summary/current_dc")
    if dc is None or dc.get("present") != "true":
        yield Damage("there is no DC")
    elif dc.get("with_quorum") != "true":
        yield Damage("there is no quorum")
    options = seen.find("summary/cluster_options")
    assert options is not None
    for name in ("maintenance-mode", "stop-all-resources"):
        if options.get(name) == "true":
            forget = on_node("crm_attribute", "--name", name, "--delete")
            yield Damage(f"the property {name} is true", forget)
    if options.get("stonith-enabled") != "true":
        enable = on_node("crm_attribute", "--name", "stonith-enabled", "--update", "true")
        yield Damage("the property stonith-enabled is false", enable)


def _of_nodes(seen: etree._Element, rig: Rig, on_node: OnNode) -> Iterator[Damage]:
    nodes = {str(node.get("name")): node for node in seen.iterfind("nodes/node")}
    for name in rig.layout.node_names:
        node = nodes.get(name)
        if node is None:
            yield Damage(f"the cluster does not know {name}")
            continue
        reset = partial(rig.power, name, "reset")
        if node.get("online") != "true":
            yield Damage(f"{name} is offline", last_resort=reset)
        for flag in ("unclean", "pending", "shutdown"):
            if node.get(flag) == "true":
                yield Damage(f"{name} is {flag}", last_resort=reset)
        if node.get("standby") == "true" or node.get("standby_onfail") == "true":
            yield Damage(f"{name} is in standby", on_node("pcs", "node", "unstandby", name))
        if node.get("maintenance") == "true":
            end = on_node("pcs", "node", "unmaintenance", name)
            yield Damage(f"{name} is in maintenance", end)


def _of_resources(seen: etree._Element, on_node: OnNode) -> Iterator[Damage]:
    clean_up = on_node("crm_resource", "--cleanup")
    for resource in seen.iterfind("resources//resource"):
        name = str(resource.get("id"))
        in_clone = next(resource.iterancestors("clone"), None) is not None
        if resource.get("managed") != "true":
            forget = _forget_meta(on_node, "is-managed", "false")
            yield Damage(f"{name} is not managed", forget)
        if resource.get("target_role") == "Stopped":
            forget = _forget_meta(on_node, "target-role", "Stopped")
            yield Damage(f"{name} is disabled", forget)
        for flag, words in (("failed", "has failed"), ("blocked", "is blocked"),
                            ("orphaned", "runs, but is not configured")):  # fmt: skip
            if resource.get(flag) == "true":
                yield Damage(f"{name} {words}", clean_up)
        role = str(resource.get("role"))
        if role not in _RUNNING and not (role == "Stopped" and in_clone):
            yield Damage(f"{name} is {role.lower()}")
    for ban in seen.iterfind("bans/ban"):
        if str(ban.get("id")).startswith("cli-"):  # crm_resource(8) and pcs make these
            name = str(ban.get("resource"))
            clear = on_node("crm_resource", "--clear", "--resource", name)
            yield Damage(f"{name} is banned from {ban.get('node')}", clear)


def _forget_meta(on_node: OnNode, name: str, value: str) -> Callable[[], object]:
    """Return what removes a meta attribute with a value from everything that has it.

    Not with crm_resource(8): asked for a group's, it finds those of the members, too, and gives up.
    """
    xpath = f"//resources//meta_attributes/nvpair[@name='{name}' and @value='{value}']"
    return on_node("cibadmin", "--delete-all", "--force", "--xpath", xpath)


def _failures(seen: etree._Element, on_node: OnNode) -> Iterator[Damage]:
    clean_up = on_node("crm_resource", "--cleanup")
    for failure in seen.iterfind("failures/failure"):
        what = f"{failure.get('op_key')} has failed on {failure.get('node')}"
        yield Damage(what, clean_up, on_purpose=True)
    for history in seen.iterfind("node_history/node/resource_history[@fail-count]"):
        node = history.getparent()
        assert node is not None
        what = f"failures of {history.get('id')} are counted on {node.get('name')}"
        yield Damage(what, clean_up, on_purpose=True)


def damage_to_demo(rig: Rig) -> list[Damage]:
    """Return what is broken of the demo's cluster on a rig, with its service."""
    limit = LIMIT * rig.equipment.patience
    apply = partial(rig.run, "node1", "takeover", "apply", DESCRIPTION, check=True, limit=limit)
    return damage_to_cluster(rig, SERVICE, apply)


# -- putting it right -----------------------------------------------------------------------------


class Caretaker:
    """Whoever looks after a cluster between the tests.

    Args:
        find: Returns what is broken, the most urgent first.
        patience: The factor for time limits.
        limit: For how long something is repaired at most, in seconds.
        pause: From one look to the next, in seconds.
    """

    def __init__(
        self,
        find: Callable[[], list[Damage]],
        patience: float = 1.0,
        limit: float = LIMIT,
        pause: float = _PAUSE,
    ) -> None:
        self._find = find
        self._patience = patience
        self._limit = limit
        self._pause = pause
        self._gave_up = False
        self._last_test = ""

    @contextmanager
    def around(self, test: str) -> Iterator[None]:
        """Begin a test on a cluster that is whole, and put right what is broken afterwards.

        Args:
            test: The test's name, for whoever wonders who has broken something.

        Raises:
            NotWholeError: The cluster could not be put right in time, before or after the test.
        """
        left = f"after {self._last_test}" if self._last_test else "before any test"
        self.put_right(f"{left}, and so before {test}")
        self._last_test = test
        try:
            yield
        finally:
            self.put_right(f"after {test}")

    def put_right(self, when: str) -> None:
        """Repair what is broken, and wait until nothing is.

        Args:
            when: When it is found, for the message.

        Raises:
            NotWholeError: Something is still broken when the time is over.
        """
        begin = time.monotonic()
        limit = (min(self._limit, SHORT_LIMIT) if self._gave_up else self._limit) * self._patience
        repairs = _Repairs(begin + limit / 2, _AGAIN * self._patience)
        found = first = self._look()
        while found:
            if time.monotonic() - begin > limit:
                self._gave_up = True
                broken = "".join(f"\n- {repairs.told(each)}" for each in found)
                raise NotWholeError(f"{when}, after {limit:.0f} s of repair:{broken}")
            for each in found:
                repairs.attempt(each)
            time.sleep(self._pause * self._patience)
            found = self._look()
        self._gave_up = False
        _tell(when, first)

    def _look(self) -> list[Damage]:
        try:
            return self._find()
        except RigError as error:
            return [Damage(f"the rig does not answer: {error}")]


class _Repairs:
    """The repairs that were tried, each not too often.

    Args:
        late: When last resorts are due, in seconds of CLOCK_MONOTONIC.
        again: When a repair that has not helped is due again, in seconds.
    """

    def __init__(self, late: float, again: float) -> None:
        self._late = late
        self._again = again
        self._tried: dict[str, float] = {}
        self._errors: dict[str, str] = {}

    def attempt(self, damage: Damage) -> None:
        """Do what is due for a damage; what goes wrong is kept for the message."""
        now = time.monotonic()
        last = self._tried.get(damage.what)
        if damage.repair and (last is None or now - last > self._again):
            self._tried[damage.what] = now
            self._do(damage.what, damage.repair)
        key = f"last resort: {damage.what}"
        if damage.last_resort and now > self._late and key not in self._tried:
            self._tried[key] = now
            self._do(damage.what, damage.last_resort)

    def _do(self, what: str, repair: Callable[[], object]) -> None:
        try:
            repair()
        except (RigError, subprocess.SubprocessError) as error:
            self._errors[what] = str(error)

    def told(self, damage: Damage) -> str:
        """Return what is broken, and why it could not be repaired if that is known."""
        error = self._errors.get(damage.what)
        return f"{damage.what} (its repair failed: {error})" if error else damage.what


def _tell(when: str, found: list[Damage]) -> None:
    """Say who has left what behind; what is left on purpose only in the test's output."""
    for each in found:
        print(f"{when}: {each.what}; it was put right")
    if broken := [each.what for each in found if each.repair and not each.on_purpose]:
        warnings.warn(f"{when}: {'; '.join(broken)}. It was put right", stacklevel=2)
