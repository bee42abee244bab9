"""What Takeover's agents would refuse, by their own declarations.

An agent that refuses its parameters stops the service in the whole cluster.
"""

from __future__ import annotations

from collections.abc import Iterator

from cib_templates.findings import Finding, KeyPath, error
from cib_templates.model.services import Address, App, Filesystem, Part
from cib_templates.rendering.primitives import AGENTS, agent_and_parameters
from ocf_agents.disk.parameters import FilesystemParameters
from ocf_agents.network.parameters import IpParameters
from ocf_agents.program.parameters import AppParameters

PARAMETER_REFUSED = error(
    "parameter-refused", "The agent does not take a parameter's value, or not beside the others."
)

_DECLARATIONS: dict[str, type[AppParameters | FilesystemParameters | IpParameters]] = {
    "ocf:takeover:app": AppParameters,
    "ocf:takeover:filesystem": FilesystemParameters,
    "ocf:takeover:ip": IpParameters,
}
_NAMES = {
    agent: frozenset(parameter.name for parameter in declaration.parameters())
    for agent, declaration in _DECLARATIONS.items()
}
# The keys whose values, or what they may stand beside, only the agent knows to judge. A property
# test holds that there are no others: to ask the agent of every part doubles the time of a check.
_JUDGED_BY_THE_AGENT: dict[type[Part], tuple[str, ...]] = {
    Filesystem: ("parameters", "reservation", "attach", "chap_user"),
    App: ("parameters", "agent", "limits", "environment_file"),
    Address: ("parameters",),
}


def parameter_names(agent: str) -> frozenset[str] | None:
    """Return the names of an agent's parameters; None if it is not one of Takeover's."""
    return _NAMES.get(agent)


def check_agent(path: KeyPath, part: Part, *, everywhere: bool) -> Iterator[Finding]:
    """Find what the agent of a part would refuse on every node.

    Args:
        path: The part's table.
        part: The part.
        everywhere: Whether the service runs on several nodes at once.
    """
    if not any(getattr(part, key) for key in _JUDGED_BY_THE_AGENT[type(part)]):
        return
    agent, parameters = agent_and_parameters(part)
    declaration = _DECLARATIONS.get(agent)
    if declaration is None:
        return
    clone = {"CRM_meta_clone": "0"} if everywhere else {}
    for mistake in declaration.mistakes_in(parameters | clone):
        yield PARAMETER_REFUSED.at(
            (*path, *_key(part, mistake)),
            f"{agent} refuses it: {mistake}",
            f"see pcs resource describe {agent}",
        )


def _key(part: Part, mistake: str) -> KeyPath:
    """Return the key that an agent's words are about, if they begin with a parameter."""
    name = mistake.partition("=")[0]
    if name in part.parameters:
        return ("parameters", name)
    key = AGENTS[type(part)][1].get(name)
    return (key,) if key is not None else ()
