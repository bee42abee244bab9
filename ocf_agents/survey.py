"""ocf:takeover:survey, which tells whether what resources shall have is free on each node.

`takeover apply` puts such a resource into the cluster for a moment, so that Pacemaker probes it on
every node, and takes it out again. The probe only looks; nothing is ever started, and a stop has
nothing to do.
"""

from __future__ import annotations

import posix

from ocf_agents.runtime.agent import Action, Agent, AgentError, Code
from ocf_agents.runtime.parameters import Boolean, Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocf_agents.conflicts.question import Conflict, Resource

ATTRIBUTE = "takeover-survey"  # pcs_wrapper/pacemaker/survey.py reads it
LOOK = 0.8  # part of the time of a probe; in the rest it answers


class Survey(Agent):
    """A look at what some resources shall have."""

    name = "survey"
    short = "Asks each node whether what resources shall have is free"
    long = (
        "Made and removed by takeover apply. Its probe looks whether the disks, mount points, "
        "addresses, ports and units that some resources shall have are free on this node, and "
        "answers in a private node attribute. It is never running, and cannot be started."
    )
    actions = (
        Action("start", timeout=20),
        Action("stop", timeout=20),
        Action("monitor", timeout=20, interval=10, depth=0),
        Action("reload-agent", timeout=20),
        Action("meta-data", timeout=5),
        Action("validate-all", timeout=20),
    )

    question = Text("Question", "What some resources shall have, packed.", required=True)
    number = Text("Number", "The number of the question, which the answer repeats.", required=True)

    names_only = Boolean(
        "Names only",
        "Compare what names lead to, and do not look what is in use: of resources that may run.",
        default=False,
    )

    def start(self) -> None:
        """Refuse: there is nothing to start."""
        raise AgentError("a survey is only probed", Code.ERR_CONFIGURED)

    def stop(self) -> None:
        """Do nothing: there is nothing to stop."""

    def monitor(self) -> int:
        """Look, and answer; it is never running."""
        from json import dumps

        answer = dumps(
            {
                "number": self.number,
                "conflicts": [
                    {
                        "resource": found.resource,
                        "kind": found.kind,
                        "message": found.message,
                        "holder": found.holder,
                    }
                    for found in self._conflicts()
                ],
            }
        )
        if self.environ.get("OCF_RESKEY_CRM_meta_timeout"):
            from ocf_agents.runtime.command import run

            keep = ["attrd_updater", f"--name={ATTRIBUTE}", f"--update={answer}", "--private"]
            result = run(keep, self.deadline)
            if result.code:
                raise result.error()
        else:  # run by hand, or by `takeover plan`
            posix.write(1, f"{answer}\n".encode())
        return Code.NOT_RUNNING

    def _conflicts(self) -> Iterator[Conflict]:
        from ocf_agents.conflicts import addresses, disks, places, ports, units
        from ocf_agents.conflicts.question import ADDRESSES, APPLICATIONS, FILESYSTEMS, unpacked

        resources = unpacked(self.question, self.environ)
        limit = self.deadline.part(LOOK)
        looks = not self.names_only
        for resource in resources:
            if not resource.asked:
                continue
            others = [other for other in resources if other is not resource]
            runs_here = looks and (self._node in resource.nodes or not resource.nodes)
            if resource.agent in FILESYSTEMS:
                filesystems = _of(FILESYSTEMS, others)
                yield from disks.conflicts(resource, filesystems, limit, looks=looks)
                yield from places.conflicts(resource, filesystems, limit, looks=runs_here)
            elif resource.agent in ADDRESSES:
                yield from addresses.conflicts(resource, _of(ADDRESSES, others), looks=looks)
            elif resource.agent in APPLICATIONS:
                yield from ports.conflicts(resource, others, limit) if runs_here else ()
            else:
                yield from units.conflicts(resource, others, limit, looks=runs_here)

    @property
    def _node(self) -> str:
        return self.environ.get("OCF_RESKEY_CRM_meta_on_node") or posix.uname().nodename


def _of(agents: tuple[str, ...], resources: list[Resource]) -> list[Resource]:
    return [resource for resource in resources if resource.agent in agents]
