"""Start a program that outlives the agent: detached, contained, remembered."""

from __future__ import annotations

import os

from ocf_agents.program.processes.relatives import VARIABLE, Mark
from ocf_agents.runtime.agent import AgentError
from ocf_agents.runtime.children.execution import execute
from ocf_agents.runtime.process import Process, identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.containment import Containment
    from ocf_agents.program.identity import Identity
    from ocf_agents.program.limits import Limit
    from ocf_agents.runtime.agent import Deadline
    from ocf_agents.runtime.state import State


class Program:
    """A program to start.

    Args:
        command: The program and its arguments; the first word is an absolute path.
        identity: Who runs it.
        environment: Its environment.
        folder: Its working folder.
        umask: Its umask.
        limits: Its limits.
        output: Descriptors for its standard output and standard error.
    """

    def __init__(
        self,
        command: list[str],
        *,
        identity: Identity,
        environment: dict[str, str],
        folder: str,
        umask: int,
        limits: list[Limit],
        output: tuple[int, int],
    ) -> None:
        self.command = command
        self.identity = identity
        self.environment = environment
        self.folder = folder
        self.umask = umask
        self.limits = limits
        self.output = output


def spawn(program: Program, containment: Containment, state: State, deadline: Deadline) -> Process:
    """Start a program in a session and a containment of its own, and return its process.

    The caller has to reap it.

    Args:
        program: The program.
        containment: What keeps its processes together.
        state: Where to remember its process.
        deadline: When it has to run.

    Raises:
        AgentError: It cannot be started.
    """
    mark = Mark.new()
    if program.limits:
        from ocf_agents.program.limits import apply

    def prepare() -> None:
        # The child remembers itself before it leaves the process group in which Pacemaker would
        # kill it with the agent: there is no moment at which it lives on and nobody knows of it.
        this = identify(os.getpid())
        if this is not None:
            mark.session, mark.since = str(this.pid), this.started
            state.write({"pid": str(this.pid), "started": this.started, **mark.values()})
        os.setsid()
        containment.enter()
        os.umask(program.umask)
        if program.limits:  # while it may still raise them
            apply(program.limits)
        program.identity.assume()
        os.chdir(program.folder)  # as the user, who may not get into every folder

    environment = {**program.environment, VARIABLE: mark.mark}
    try:
        pid = execute(program.command, environment, program.output, prepare, deadline)
    except AgentError as error:
        raise AgentError(str(error)) from error  # a start that fails may be tried again here
    return identify(pid) or Process(pid, "")
