"""An agent's reference page as Markdown, from the declarations that its meta-data come from.

`script/reference` writes the pages in docs/reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocf_agents.runtime.agent import Action, Agent
    from ocf_agents.runtime.parameters import Parameter


def reference(agent: type[Agent]) -> str:
    """Return the page."""
    return "\n".join(
        [
            f"# ocf:takeover:{agent.name}",
            "",
            "<!-- Written by script/reference from the agent's declarations. -->",
            "",
            f"{agent.short}.",
            "",
            agent.long,
            "",
            "## Parameters",
            "",
            "| parameter | default | meaning |",
            "|---|---|---|",
            *(_parameter(parameter) for parameter in agent.parameters()),
            "",
            "A parameter marked *reloadable* takes effect without a restart of the resource.",
            "",
            "## Actions",
            "",
            "| action | interval | timeout | `OCF_CHECK_LEVEL` |",
            "|---|---|---|---|",
            *(_action(action) for action in agent.actions),
            "",
        ]
    )


def _parameter(parameter: Parameter) -> str:
    name = f"`{parameter.name}`"
    notes = []
    if parameter.required:
        notes.append("required")
    if parameter.reloadable:
        notes.append("reloadable")
    if parameter.unique_group:
        notes.append(f"unique in the group {parameter.unique_group}")
    if parameter.replaced_with:
        notes.append(f"deprecated, use `{parameter.replaced_with}`")
    meaning = f"**{parameter.short}.** {parameter.long} "
    if parameter.range:
        meaning += f"Takes {parameter.range}. "
    if notes:
        meaning += f"*({', '.join(notes)})*"
    default = f"`{parameter.default}`" if parameter.default else ""
    return f"| {name} | {default} | {_cell(meaning)} |"


def _action(action: Action) -> str:
    interval = "" if action.interval is None else f"{action.interval} s"
    depth = "" if action.depth is None else str(action.depth)
    return f"| {action.name} | {interval} | {action.timeout} s | {depth} |"


def _cell(text: str) -> str:
    """Return text that does not end the cell of a table."""
    return text.strip().replace("|", "\\|")
