"""What every agent shares: actions, parameters, exit codes, reasons, time limits (OCF RA API 1.1).

Pacemaker starts an agent anew for every monitor, every few seconds for years. Hence the style of
this package's modules: only cheap imports at the top, the others where they are used.
"""

from __future__ import annotations

import time

from ocf_agents.runtime.parameters import Parameter, decimal

TYPE_CHECKING = False  # the name that type checkers take for true; `typing` costs milliseconds
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar


class Code:
    """Exit codes (OCF RA API 1.1, "Exit Status Codes"), and what Pacemaker does on each.

    Plain numbers: the `enum` module alone would take half as long to load as Python itself.
    """

    SUCCESS = 0
    ERR_GENERIC = 1  # failed here; tried again up to migration-threshold
    ERR_ARGS = 2  # parameter wrong on this host; this node is banned
    ERR_UNIMPLEMENTED = 3
    ERR_PERM = 4  # this node is banned
    ERR_INSTALLED = 5  # this node is banned
    ERR_CONFIGURED = 6  # wrong on every node: the resource stops in the whole cluster
    NOT_RUNNING = 7
    DEGRADED = 190  # works, but less well; shown, and nothing is recovered


#: What Python says to the launcher that has started it (install/launchers.py): its own exit code is
#: 1 if it cannot begin.
LAUNCHED_FAILED, LAUNCHED_AWAY = 121, 122  # ERR_GENERIC; modules are away
LONGEST = 2_000_000.0  # seconds, 23 days; poll(2) takes at most 2^31 milliseconds
CHECK_THIS_HOST = 10  # the check level of validate-all from which on this host is looked at


class AgentError(Exception):
    """An action failed.

    Args:
        reason: What an administrator has to know: the cause first, then what failed, since
            Pacemaker keeps about 120 bytes of it.
        code: The exit code.
        details: What goes to the log besides.
    """

    def __init__(self, reason: str, code: int = Code.ERR_GENERIC, details: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.details = details


class Deadline:
    """A moment by which something has to be finished."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + min(seconds, LONGEST)

    def left(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def part(self, fraction: float) -> Deadline:
        """Return the deadline at which `fraction` (0 to 1) of the time left has passed."""
        return Deadline(self.left() * fraction)

    def pause(self, seconds: float) -> bool:
        """Sleep for some seconds, at most until the deadline, and tell whether time is left."""
        time.sleep(min(seconds, self.left()))
        return self.left() > 0


class Action:
    """An action as the meta-data advertises it.

    Args:
        name: The name of the action.
        timeout: The seconds that it may take.
        interval: The seconds from one run to the next, of a monitor.
        depth: The check level, of a monitor.
    """

    def __init__(
        self, name: str, *, timeout: int, interval: int | None = None, depth: int | None = None
    ) -> None:
        self.name = name
        self.timeout = timeout
        self.interval = interval
        self.depth = depth


class Agent:
    """An agent: its parameters are class attributes, its actions methods.

    Args:
        environ: The environment that the cluster gives.
        action: The name of the action that is to be performed.

    Attributes:
        environ: The same environment.
        instance: The name of the resource.
        deadline: The end of the time for the action.
    """

    name: ClassVar[str]
    short: ClassVar[str]
    long: ClassVar[str]
    actions: ClassVar[tuple[Action, ...]] = ()

    def __init__(self, environ: Mapping[str, str], action: str = "") -> None:
        self.environ = environ
        self.instance = environ.get("OCF_RESOURCE_INSTANCE") or "default"
        self.deadline = Deadline(self._seconds(action))

    def start(self) -> None:
        """Bring the resource up, and return only when it serves.

        Raises:
            AgentError: It cannot be brought up.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Leave nothing of the resource.

        Raises:
            AgentError: Something of it is left.
        """
        raise NotImplementedError

    def monitor(self) -> int:
        """Return whether the resource runs: SUCCESS, NOT_RUNNING or DEGRADED.

        Raises:
            AgentError: It neither works nor is stopped.
        """
        raise NotImplementedError

    def reload(self) -> None:
        """Take over changed parameters of a running resource, those declared `reloadable`."""

    def after_start(self) -> None:
        """Do what follows a successful start."""

    def before_stop(self) -> None:
        """Do what precedes every stop; it must not fail."""

    def after_monitor(self) -> None:
        """Do what follows a recurring monitor that found the resource running."""

    def after_reload(self) -> None:
        """Do what follows a reload."""

    def problems(self) -> list[str]:
        """Return what is wrong with the parameters together, on whatever host."""
        return []

    def check_host(self) -> None:
        """Raise AgentError if this host lacks what the resource needs."""

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """Return the agent's parameters in the order of their declaration, inherited ones last."""
        return [
            value
            for base in cls.__mro__
            for value in vars(base).values()
            if isinstance(value, Parameter)
        ]

    @classmethod
    def advertises(cls, action: str) -> bool:
        """Tell whether the meta-data lists an action."""
        return any(a.name == action for a in cls.actions)

    @property
    def probe(self) -> bool:
        """Tell whether this monitor asks what runs here before the cluster has started anything."""
        return self.environ.get("OCF_RESKEY_CRM_meta_interval", "0") == "0"

    @property
    def check_level(self) -> int:
        """How thorough monitor and validate-all are: 0, 10 or 20 (OCF RA API, "Check Levels")."""
        return decimal(self.environ.get("OCF_CHECK_LEVEL", "")) or 0

    def validate(self) -> None:
        """Check the parameters, no matter on which host.

        Raises:
            AgentError: Parameters are wrong (ERR_CONFIGURED); the reason has every mistake.
        """
        if found := self.mistakes():
            raise AgentError("; ".join(found), Code.ERR_CONFIGURED)

    def mistakes(self) -> list[str]:
        """Return what is wrong with the parameters one by one, or else with them together."""
        found = []
        for parameter in self.parameters():
            value = parameter.text(self)
            if not value:
                if parameter.required:
                    found.append(f"the parameter {parameter.name} is missing")
            elif problem := parameter.problem(value):
                found.append(problem)
        return found or self.problems()

    @classmethod
    def mistakes_in(cls, values: Mapping[str, str]) -> list[str]:
        """Return what validate-all would refuse on any host, without running the agent.

        Args:
            values: The parameters by name; "CRM_meta_clone" is one of a resource that is a clone.
        """
        return cls({f"OCF_RESKEY_{name}": value for name, value in values.items()}).mistakes()

    def _seconds(self, action: str) -> float:
        """Return the time for the action: what the cluster allows, less a little to say why."""
        allowed = decimal(self.environ.get("OCF_RESKEY_CRM_meta_timeout", ""))
        if allowed:
            seconds = allowed / 1000
        else:
            seconds = next((a.timeout for a in self.actions if a.name == action), 20)
        return max(seconds * 0.5, seconds - max(0.3, seconds * 0.05))
