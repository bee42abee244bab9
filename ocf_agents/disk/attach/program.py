"""A LUN that a program of the administrator's attaches.

The program, which the parameter `attach` names, is called with one of three verbs:

    PROGRAM attach PORTAL TARGET LUN    make the block device available and print its path; also
                                        when it is available already
    PROGRAM device PORTAL TARGET LUN    print the path and exit 0 if it is attached; else print
                                        nothing and exit 1
    PROGRAM detach PORTAL TARGET LUN    take the device away; exit 0 also if it was not attached

Anything else is an error: an exit code other than 0, the reason on standard error.
"""

from __future__ import annotations

import os

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.command import cause, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.disk.attach.lun import Lun
    from ocf_agents.runtime.command import Result


class AttachProgram:
    """A LUN that a program attaches (see this module's first lines).

    Args:
        program: The absolute path of the program.
        lun: The LUN.
    """

    def __init__(self, program: str, lun: Lun) -> None:
        self._program = program
        self._where = [lun.portal, lun.target, str(lun.number)]

    def attach(self, deadline: Deadline) -> str:
        """Have the program attach the LUN, and return the device's path."""
        result = self._call("attach", deadline)
        path = result.output.strip()
        if result.code:
            raise result.error()
        if not os.path.exists(path):
            raise AgentError(f"{result.what} printed {cause(path)!r}, which is not on this node")
        return path

    def device(self, deadline: Deadline) -> str | None:
        """Ask the program for the device's path."""
        result = self._call("device", deadline)
        if result.code == 1 and not result.output:
            return None
        if result.code:
            raise result.error()
        return result.output.strip()

    def detach(self, deadline: Deadline) -> None:
        """Have the program take the device away."""
        result = self._call("detach", deadline)
        if result.code:
            raise result.error()

    def _call(self, verb: str, deadline: Deadline) -> Result:
        what = f"{verb} of LUN {self._where[-1]}"
        return run([self._program, verb, *self._where], deadline, what=what)
