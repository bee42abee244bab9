"""The kinds of values that a description holds: durations, addresses, names, paths."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from cib_templates.cib import ids
from cib_templates.cib.durations import DURATION, duration, in_words
from cib_templates.cib.secrecy.secrets import has_secret
from ocf_agents.program.parameters import RELOAD_SIGNALS, SIGNALS, check_problem

# Also those that end a line (Unicode, "Newline Guidelines"), and those that turn the direction in
# which a terminal shows what follows (UAX #9, "Explicit Directional Formatting Characters").
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_PORTAL = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z][0-9A-Za-z.-]*)(?::([0-9]{1,5}))?")
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
_ISCSI_PORT = 3260
_LAST_PORT = 65535


def _whole_seconds(value: timedelta) -> timedelta:
    # Nothing that a cluster waits for takes a day: a longer time is a unit that was mistaken.
    if not timedelta(seconds=1) <= value <= timedelta(hours=24) or value % timedelta(seconds=1):
        raise ValueError("must be whole seconds, 1 s to 24 h")
    return value


def _token(value: timedelta) -> timedelta:
    if not timedelta(milliseconds=100) <= value <= timedelta(minutes=5):
        raise ValueError(
            "must be 100 ms to 5 min: earlier, Corosync would take every node for dead; "
            "later, nobody would notice a dead one"
        )
    return value


def _printable(value: str) -> str:
    # XML has no way to write most of them, and no value of a CIB needs one.
    if _CONTROL.search(value):
        raise ValueError("must be one line without control characters")
    return value


def _ip(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an IPv4 or IPv6 address") from None
    if getattr(address, "scope_id", None):
        raise ValueError("an address is written without %zone: name the interface instead")
    for is_it, what in (
        (address.is_multicast, "a multicast address"),
        (address.is_unspecified, "the unspecified address"),
        (address.is_loopback, "a loopback address, which no other machine reaches"),
        (address == _BROADCAST, "the broadcast address"),
        (getattr(address, "ipv4_mapped", None), "an IPv4 address written as IPv6"),
    ):
        if is_it:
            raise ValueError(f"{value} is {what}")
    return str(address)


def _absolute(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(f"{value!r} is not an absolute path")
    return value


def _directory(value: str) -> str:
    path = PurePosixPath("/" + _absolute(value).lstrip("/"))
    if ".." in path.parts:
        raise ValueError("must not contain '..'")
    return str(path)


def _portal(value: str) -> str:
    found = _PORTAL.fullmatch(value)
    port = int(found[2] or _ISCSI_PORT) if found else 0
    if found is None or not 0 < port <= _LAST_PORT:
        raise ValueError(f"{value!r} is not an iSCSI portal")
    return f"{found[1]}:{port}"


def _one_of_signals(value: str, known: tuple[str, ...]) -> str:
    name = value.removeprefix("SIG")
    if name not in known:
        raise ValueError(f"{value!r} is not one of {', '.join(known)}")
    return name


def _stop_signal(value: str) -> str:
    return _one_of_signals(value, SIGNALS)


def _reload_signal(value: str) -> str:
    return _one_of_signals(value, RELOAD_SIGNALS)


def _ready(value: str) -> str:
    return _check_of("ready", value)


def _health(value: str) -> str:
    return _check_of("health", value)


def _check_of(parameter: str, value: str) -> str:
    # A message would show the secret; that there is one is found where the others are.
    problem = None if has_secret(value) else check_problem(parameter, value)
    if problem is None:
        return value
    reason = problem.removeprefix(f"{parameter}={value}").removeprefix(":").strip()
    # Which forms there are is the hint.
    why = "" if reason.startswith("is none of ") else f": {reason.replace('is ', 'it is ', 1)}"
    raise ValueError(f"{value!r} is not a check{why}")


def _milliseconds(value: timedelta) -> timedelta:
    if value > timedelta(minutes=10):
        raise ValueError("must be at most 10 min")
    return value


def _delay(value: timedelta) -> timedelta:
    if value > timedelta(minutes=10) or value % timedelta(seconds=1):
        raise ValueError("must be whole seconds, at most 10 min")
    return value


def _parameter(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _supported_schema(value: int) -> int:
    if value != 1:
        raise ValueError(f"{value} is not supported")
    return value


def _program(value: list[str]) -> list[str]:
    if not value or not value[0].startswith("/"):
        raise ValueError("must begin with the absolute path of the program")
    return value


def _schema_of(signals: tuple[str, ...]) -> WithJsonSchema:
    return WithJsonSchema({"enum": [*signals, *(f"SIG{name}" for name in signals)]})


# What an editor's JSON Schema says of a duration; the model says more.
Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(in_words, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{DURATION.pattern}$", "examples": ["10s"]}),
]
Seconds = Annotated[Duration, AfterValidator(_whole_seconds)]
Milliseconds = Annotated[Duration, AfterValidator(_milliseconds)]
Delay = Annotated[Duration, AfterValidator(_delay)]
Token = Annotated[Duration, AfterValidator(_token)]
Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(_printable)]
# Agents take text; numbers and booleans may be written as TOML's.
Parameter = Annotated[
    Text,
    BeforeValidator(_parameter),
    WithJsonSchema({"type": ["string", "integer", "boolean"]}),
]
Ip = Annotated[str, AfterValidator(_ip)]
AbsolutePath = Annotated[Text, AfterValidator(_absolute)]
Directory = Annotated[Text, AfterValidator(_directory)]
Portal = Annotated[Text, AfterValidator(_portal)]
StopSignal = Annotated[str, AfterValidator(_stop_signal), _schema_of(SIGNALS)]
ReloadSignal = Annotated[str, AfterValidator(_reload_signal), _schema_of(RELOAD_SIGNALS)]
Check = Annotated[Text, AfterValidator(_health)]
ReadyCheck = Annotated[Text, AfterValidator(_ready)]
# An argument may be empty.
Command = Annotated[list[Annotated[str, AfterValidator(_printable)]], AfterValidator(_program)]
# Not Literal[1], which true and 1.0 are equal to.
Schema = Annotated[int, AfterValidator(_supported_schema), WithJsonSchema({"const": 1})]
Name = Annotated[str, StringConstraints(pattern=f"^{ids.NAME.pattern}$")]
# Those that others have given resources (XML, "NCName"; the letters that pcs takes).
ResourceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
NodeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]
HostName = NodeName
# A million is Pacemaker's INFINITY: a finite score is less.
Score = Annotated[int, Field(ge=-999_999, le=999_999)]
# Pacemaker reads these as a C int.
Amount = Annotated[int, Field(ge=0, le=2_147_483_647)]
Utilization = dict[Name, Amount]
