"""An agent's meta-data as XML (OCF RA API 1.1, "Resource Agent Meta-Data").

Pacemaker asks for it before every start (controld_metadata.c), so it is part of every failover.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.runtime.agent import Action, Agent
    from ocf_agents.runtime.parameters import Parameter


def metadata(agent: type[Agent]) -> str:
    """Return the meta-data document; it is the same on every host."""
    return "\n".join(
        [
            '<?xml version="1.0"?>',
            f'<resource-agent name="{agent.name}">',
            "<version>1.1</version>",
            *_description(agent.short, agent.long),
            "<parameters>",
            *(line for parameter in agent.parameters() for line in _parameter(parameter)),
            "</parameters>",
            "<actions>",
            *(_action(action) for action in agent.actions),
            "</actions>",
            "</resource-agent>",
            "",
        ]
    )


def _description(short: str, long: str) -> list[str]:
    return [
        f'<longdesc lang="en">{_escape(long)}</longdesc>',
        f'<shortdesc lang="en">{_escape(short)}</shortdesc>',
    ]


def _parameter(parameter: Parameter) -> list[str]:
    group = f' unique-group="{parameter.unique_group}"' if parameter.unique_group else ""
    reloadable = ' reloadable="1"' if parameter.reloadable else ""
    default = f' default="{_escape(parameter.default)}"' if parameter.default else ""
    required = f'required="{int(parameter.required)}"'
    return [
        f'<parameter name="{parameter.name}"{group} {required}{reloadable}>',
        *_deprecation(parameter),
        *_description(parameter.short, parameter.long),
        f'<content type="{parameter.content}"{default}>',
        *(f'<option value="{_escape(option)}"/>' for option in parameter.options),
        "</content>",
        "</parameter>",
    ]


def _deprecation(parameter: Parameter) -> list[str]:
    if not parameter.replaced_with:
        return []
    return [f'<deprecated><replaced-with name="{parameter.replaced_with}"/></deprecated>']


def _action(action: Action) -> str:
    interval = "" if action.interval is None else f' interval="{action.interval}s"'
    depth = "" if action.depth is None else f' depth="{action.depth}"'
    return f'<action name="{action.name}" timeout="{action.timeout}s"{interval}{depth}/>'


def _escape(text: str) -> str:
    """Return text for an element or an attribute; the `html` module would take longer to load."""
    for character, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot")):
        text = text.replace(character, f"&{name};")
    return text
