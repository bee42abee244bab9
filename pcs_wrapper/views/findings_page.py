"""The reference page of findings and errors, written from their declarations."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

import cib_templates.errors
import pcs_wrapper.errors
from cib_templates.checks import (
    advice,
    agents,
    cluster,
    duplicates,
    fencing,
    fragments,
    nodes,
    parts,
    relations,
)
from cib_templates.errors import TakeoverError
from cib_templates.findings import FindingKind
from cib_templates.reading import messages, reading
from pcs_wrapper.beginning import writing
from pcs_wrapper.change import verification
from pcs_wrapper.change.history import outdated, timeline
from pcs_wrapper.change.judging import adopting, conflicts, preconditions
from pcs_wrapper.change.looking import corosync
from pcs_wrapper.change.services import carrying_out, moving, prepared, switching
from pcs_wrapper.cluster import configuring, witness
from pcs_wrapper.conformance.rules import CHAPTERS
from pcs_wrapper.fencing import confirming, overview, sbd, testing
from pcs_wrapper.health import condition, crm_verify, obstacles
from pcs_wrapper.nodes import pausing
from pcs_wrapper.nodes.membership import joining, newcomer, removing
from pcs_wrapper.nodes.running import leaving, pcsd
from pcs_wrapper.nodes.upgrading import mixing

_SECTIONS: list[tuple[str, str, tuple[ModuleType, ...]]] = [
    (
        "Reading a description",
        "A file that is no description, and values that its keys do not take.",
        (reading, messages),
    ),
    (
        "What does not fit together in a description",
        "Every value is right by itself; nothing is applied before all of these are put right.",
        (nodes, fencing, cluster, parts, agents, relations, duplicates, fragments),
    ),
    (
        "What is seldom meant in a description",
        "`takeover check` asks whether it is meant, `takeover init` too; a warning is no failure.",
        (advice, writing),
    ),
    (
        "What is not well with a cluster",
        "`status`, `drift`, `plan` and `apply` tell of it; `status --check` ends with 2 for an "
        "error, and with 1 for a warning.",
        (condition, timeline, crm_verify),
    ),
    (
        "What Corosync has otherwise than the description",
        "`drift`, `plan` and `apply` tell of it; `drift` ends with 3.",
        (corosync,),
    ),
    (
        "What others have changed",
        "`plan` and `drift` tell of it; `apply` refuses an outdated description.",
        (outdated,),
    ),
    (
        "Before a change",
        "What keeps a description from being applied to a cluster.",
        (preconditions, conflicts, adopting),
    ),
    (
        "Before a node is paused or resumed",
        "`takeover node pause` refuses it unless --even-so is given.",
        (pausing,),
    ),
    (
        "Before the cluster is stopped or restarted on nodes, or a node is removed",
        "`takeover cluster stop` tells of it and asks; `cluster restart` and `node remove` refuse "
        "it unless --even-so is given. Where pcsd is silent, nothing can be stopped or started.",
        (leaving, pcsd, removing),
    ),
    (
        "Upgrading a node",
        "`takeover upgrade` refuses it, also with --even-so; beside that it refuses what a rolling "
        "restart refuses.",
        (mixing,),
    ),
    (
        "Before a machine becomes a node",
        "`takeover node add` refuses it; what is no reason by itself, unless --even-so is given.",
        (newcomer, joining),
    ),
    (
        "What holds the cluster up",
        "Pacemaker would not carry a change out; `apply` and `rollback` refuse it unless it is the "
        "cure, or --even-so is given.",
        (obstacles,),
    ),
    (
        "Before a command about one service",
        "What keeps a service from being moved, restarted or stopped: `takeover service` refuses "
        "it; what is about others, unless --yes is given.",
        (moving, switching, prepared, carrying_out),
    ),
    (
        "Before Corosync is changed",
        "`takeover cluster configure` refuses it.",
        (configuring,),
    ),
    (
        "Before a witness is added or removed",
        "`takeover witness` refuses it.",
        (witness,),
    ),
    (
        "What is not well with fencing",
        "`fence list` tells of it, and ends with 1 for an error; `fence confirm` and `fence test` "
        "refuse.",
        (overview, sbd, confirming, testing),
    ),
    (
        "After a change",
        "What the change did not make run, and what it hurt; it is then rolled back.",
        (verification,),
    ),
]


def findings_page() -> str:
    """Return the page, Markdown."""
    text = (
        "# Findings and errors, code by code\n\n"
        "<!-- Written by script/reference from their declarations. -->\n\n"
        "The meaning of a code never changes, so programs may rely on it. The JSON outputs contain "
        "it.\n"
    )
    for title, about, modules in _SECTIONS:
        rows = [
            (f"`{kind.code}`", kind.severity.value, kind.meaning)
            for module in modules
            for kind in declared(module)
        ]
        text += f"\n## {title}\n\n{about}\n\n{_table(('code', 'severity', 'meaning'), rows)}"
    rules = [
        (f"`{rule.id}`", rule.weight.severity.value, rule.sentence)
        for chapter in CHAPTERS
        for rule in chapter.rules
    ]
    text += (
        "\n## Testing an agent\n\nThe rules of `takeover agents check`: the name of a rule is the "
        "code of its findings.\n\n" + _table(("code", "severity", "the rule"), rules)
    )
    kinds = [
        (f"`{kind.code}`", f"{int(kind.exit_code)}", _meaning(kind), kind.hint)
        for kind in error_kinds()
    ]
    return (
        text + "\n## Errors\n\nThe errors that end a command. The hint holds for every error of "
        "that kind; the message itself is often more exact.\n\n"
        + _table(("code", "exit code", "meaning", "hint"), kinds)
    )


def declared(module: ModuleType) -> list[FindingKind]:
    """Return the kinds of findings that a module declares, in their order."""
    return [value for value in vars(module).values() if isinstance(value, FindingKind)]


def modules() -> list[ModuleType]:
    """Return the modules whose findings are on the page."""
    return [module for _, _, together in _SECTIONS for module in together]


def error_kinds() -> list[type[TakeoverError]]:
    """Return all classes of errors that users may meet, in the order of their definition."""
    return [
        value
        for module in (cib_templates.errors, pcs_wrapper.errors)
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, TakeoverError)
        and value.__module__ == module.__name__
        and value is not TakeoverError
    ]


def _meaning(kind: type[TakeoverError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in escaped)
