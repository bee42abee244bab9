"""What the meta-data says: the schema of its version, and what a schema cannot know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from pcs_wrapper.conformance.described import Action, Described, Parameter, seconds
from pcs_wrapper.conformance.findings import Fault, Skipped
from pcs_wrapper.conformance.laboratory import Laboratory
from pcs_wrapper.conformance.rule import API, Chapter, Needs

CHAPTER = Chapter("What its meta-data says", Needs.NOTHING)
SEMANTICS = API + '"Resource Agent Meta-Data"'
EXAMPLE = "OCF RA API 1.1, ra-metadata-example.xml"

MANDATORY = ("start", "stop", "monitor", "meta-data")
DEPTHS = ("", "0", "10", "20")
ROLES = ("promoted", "unpromoted", "master", "slave", "started", "stopped")
BOOLEANS = ("true", "false", "yes", "no", "on", "off", "y", "n", "1", "0")
LONGEST = 24 * 3600  # seconds; a time limit above a day limits nothing
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")  # BCP 47 (RFC 5646, section 2.1)
VARIABLE = re.compile(r"[A-Za-z0-9_]+")  # what may follow OCF_RESKEY_ in a variable's name


def _described(lab: Laboratory) -> Described:
    if lab.described is None:
        raise Skipped("there is no meta-data that can be read")
    return lab.described


@CHAPTER.must("schema", SEMANTICS + ', "Format"')
def schema(lab: Laboratory) -> Iterator[Fault]:
    """The document follows the schema of the API's version that it declares."""
    described = _described(lab)
    file = Path(__file__).parent.parent / "schemas" / f"ra-{described.judged_by}.rng"
    judge = etree.RelaxNG(etree.parse(file))
    if not judge.validate(described.root):
        for error in judge.error_log:
            yield Fault(f"line {error.line}: {error.message}", f"as in {file.name}")


@CHAPTER.must("version", SEMANTICS + ', "Semantics", version')
def version(lab: Laboratory) -> Iterator[Fault]:
    """The version is that of the API, 1.0 or 1.1, and not the agent's own."""
    described = _described(lab)
    if described.version not in ("1.0", "1.1"):
        yield Fault(
            f"<version>{described.version}</version>",
            "1.1; the agent's own version is the attribute version of resource-agent",
        )


@CHAPTER.should("name", EXAMPLE)
def name(lab: Laboratory) -> Iterator[Fault]:
    """The name is that of the agent's file."""
    described = _described(lab)
    if described.name != lab.agent.name:
        yield Fault(f'name="{described.name}"', f'name="{lab.agent.name}"')


@CHAPTER.must("mandatory-actions", API + '"Resource Agent Actions"')
def mandatory_actions(lab: Laboratory) -> Iterator[Fault]:
    """start, stop, monitor and meta-data are advertised."""
    described = _described(lab)
    for action in MANDATORY:
        if not described.advertises(action):
            yield Fault(f"no action {action}", f'<action name="{action}" timeout="…"/>')


@CHAPTER.should("validate-all", API + '"Optional Actions"')
def validate_all(lab: Laboratory) -> Iterator[Fault]:
    """validate-all is advertised: tools can check a configuration before it is used."""
    if not _described(lab).advertises("validate-all"):
        yield Fault("no action validate-all", '<action name="validate-all" timeout="…"/>')


@CHAPTER.must("times", SEMANTICS + ', "Semantics", action')
def times(lab: Laboratory) -> Iterator[Fault]:
    """Time limits and intervals are times, and each limit is above zero and at most a day."""
    for action in _described(lab).actions:
        timeout = seconds(action.timeout)
        if not timeout or timeout > LONGEST:
            yield Fault(f'{_label(action)}: timeout="{action.timeout}"', "such as 20s or 2m")
        if action.interval and seconds(action.interval) is None:
            yield Fault(f'{_label(action)}: interval="{action.interval}"', "such as 10s")


@CHAPTER.should("units", EXAMPLE)
def units(lab: Laboratory) -> Iterator[Fault]:
    """Times have their unit, so that nobody takes them for milliseconds."""
    for action in _described(lab).actions:
        for kind, text in (("timeout", action.timeout), ("interval", action.interval)):
            if text.strip().isdigit() and int(text):
                yield Fault(f'{_label(action)}: {kind}="{text}"', f'{kind}="{text.strip()}s"')


@CHAPTER.should("monitors", EXAMPLE)
def monitors(lab: Laboratory) -> Iterator[Fault]:
    """There is one monitor for each depth and role, each with an interval of its own."""
    found = [action for action in _described(lab).actions if action.name == "monitor"]
    for (depth, role), number in Counter((a.depth or "0", a.role.lower()) for a in found).items():
        if number > 1:
            which = f"depth {depth}" + (f" and role {role}" if role else "")
            yield Fault(f"{number} monitors of {which}", "one")
    intervals = Counter(seconds(action.interval) for action in found)
    for action in found:
        if not seconds(action.interval):
            yield Fault(f"{_label(action)} has no interval", 'interval="10s" or another')
    for interval, number in intervals.items():
        if interval and number > 1:
            yield Fault(
                f"{number} monitors with the interval {interval:g} s",
                "different intervals: Pacemaker takes two monitors of one interval for the same",
            )


@CHAPTER.must("depths", API + '"Check Levels"')
def depths(lab: Laboratory) -> Iterator[Fault]:
    """A depth is 0, 10 or 20: all others are reserved."""
    for action in _described(lab).actions:
        if action.depth not in DEPTHS:
            yield Fault(f'{_label(action)}: depth="{action.depth}"', "0, 10 or 20")


@CHAPTER.must("roles", API + '"Role", "Optional Actions"')
def roles(lab: Laboratory) -> Iterator[Fault]:
    """The actions promote and demote come together, and roles are words that Pacemaker knows."""
    described = _described(lab)
    for action, other in (("promote", "demote"), ("demote", "promote")):
        if described.advertises(action) and not described.advertises(other):
            yield Fault(f"{action} without {other}", "both, or neither")
    for advertised in described.actions:
        if advertised.role and advertised.role.lower() not in ROLES:
            yield Fault(f'{_label(advertised)}: role="{advertised.role}"', "Promoted or Unpromoted")


@CHAPTER.should("role-monitors", EXAMPLE)
def role_monitors(lab: Laboratory) -> Iterator[Fault]:
    """A resource with roles has a monitor for each of them; one without has none."""
    described = _described(lab)
    found = {action.role.lower() for action in described.actions if action.name == "monitor"}
    promoted = found & {"promoted", "master"}
    if described.promotable:
        if not promoted:
            yield Fault("no monitor of the promoted role", 'a monitor with role="Promoted"')
        if not found - promoted:
            yield Fault("no monitor of the unpromoted role", 'a monitor with role="Unpromoted"')
    elif promoted:
        yield Fault("a monitor of the promoted role, without promote", "no such monitor")


@CHAPTER.should("descriptions", SEMANTICS + ', "Semantics", longdesc')
def descriptions(lab: Laboratory) -> Iterator[Fault]:
    """The agent and each parameter have a short and a long description with text in them."""
    described = _described(lab)
    for tag, text in (("shortdesc", described.short), ("longdesc", described.long)):
        if not text:
            yield Fault(f"the agent has no {tag}", f"a {tag} with text")
    for parameter in described.parameters:
        for tag, text in (("shortdesc", parameter.short), ("longdesc", parameter.long)):
            if not text:
                yield Fault(f"{parameter.name} has no {tag}", f"a {tag} with text")


@CHAPTER.must("languages", SEMANTICS + ', "Semantics", longdesc')
def languages(lab: Laboratory) -> Iterator[Fault]:
    """The language of a description is an identifier of BCP 47, such as en."""
    for element in _described(lab).root.iter("shortdesc", "longdesc", "desc"):
        language = element.get("lang")
        if language is not None and not LANGUAGE.fullmatch(language):
            yield Fault(f'line {element.sourceline}: lang="{language}"', 'lang="en" or another')


@CHAPTER.must("parameter-names", API + '"Resource Parameters"')
def parameter_names(lab: Laboratory) -> Iterator[Fault]:
    """The names of parameters differ, and a shell can read their variables."""
    parameters = _described(lab).parameters
    for text, number in Counter(parameter.name for parameter in parameters).items():
        if number > 1:
            yield Fault(f"{number} parameters are called {text}", "one")
        if not VARIABLE.fullmatch(text):
            yield Fault(f'a parameter is called "{text}"', "letters, digits and _ only")


@CHAPTER.should("defaults", SEMANTICS + ', "Semantics", parameter')
def defaults(lab: Laboratory) -> Iterator[Fault]:
    """A default fits the parameter's type, and a required parameter has none."""
    for parameter in _described(lab).parameters:
        if parameter.default is None:
            continue
        label = f'{parameter.name}: default="{parameter.default}"'
        if right := _unfit(parameter, parameter.default):
            yield Fault(label, right)
        if parameter.required and parameter.default:
            yield Fault(f"{label}, and it is required", "one of the two")


@CHAPTER.must("unique-groups", SEMANTICS + ', "Semantics", parameter')
def unique_groups(lab: Laboratory) -> Iterator[Fault]:
    """What has to be unique is in a unique-group: the attribute unique says nothing in API 1.1."""
    described = _described(lab)
    if described.judged_by == "1.0":
        raise Skipped("the agent follows API 1.0, which has no unique-group")
    for parameter in described.parameters:
        if parameter.unique and not parameter.unique_group:
            yield Fault(
                f'{parameter.name}: unique="1"', f'unique-group="{parameter.name}" or another'
            )


@CHAPTER.must("deprecated", SEMANTICS + ', "Semantics", replaced-with')
def deprecated(lab: Laboratory) -> Iterator[Fault]:
    """A deprecated parameter is replaced with one that exists and is not deprecated itself."""
    parameters = {parameter.name: parameter for parameter in _described(lab).parameters}
    for parameter in parameters.values():
        for other in parameter.replaced_with:
            found = parameters.get(other)
            if found is None or found.deprecated:
                what = "deprecated itself" if found else "no parameter"
                yield Fault(
                    f"{parameter.name} is replaced with {other}, which is {what}", "another"
                )


@CHAPTER.must("reloadable", API + '"Optional Actions", reload-agent')
def reloadable(lab: Laboratory) -> Iterator[Fault]:
    """There is a reload-agent if, and only if, there are reloadable parameters."""
    described = _described(lab)
    names = [parameter.name for parameter in described.parameters if parameter.reloadable]
    if names and not described.advertises("reload-agent"):
        yield Fault(f"{', '.join(names)}: reloadable, but no action reload-agent", "the action")
    if described.advertises("reload-agent") and not names:
        yield Fault("reload-agent, but no reloadable parameter", 'reloadable="1" somewhere')


def _unfit(parameter: Parameter, value: str) -> str:
    """Return what would be right if a value does not fit the type of its parameter, else ""."""
    if parameter.type == "integer" and not re.fullmatch(r"[+-]?[0-9]+", value):
        return "a whole number, or no default"
    if parameter.type == "boolean" and value.lower() not in BOOLEANS:
        return "true or false"
    if parameter.type == "select" and value not in parameter.options:
        return f"one of {', '.join(parameter.options)}"
    return ""


def _label(action: Action) -> str:
    depth = f" of depth {action.depth}" if action.depth not in ("", "0") else ""
    return f"{action.name}{depth}"
