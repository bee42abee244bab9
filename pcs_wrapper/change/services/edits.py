"""The configuration in which a service is stopped, started, or left alone by Pacemaker."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.nvset import is_true, nvset, pairs_of, set_pair, value_of

_META = "meta_attributes"
_ROLE, _MAINTENANCE, _MANAGED = "target-role", "maintenance", "is-managed"
_RESOURCES = ("primitive", "group", "clone", "master", "bundle")


def stopped(live: etree._Element, names: Collection[str]) -> etree._Element:
    """Return a copy of a CIB in which resources shall not run.

    Args:
        live: The CIB; it is not modified.
        names: The IDs of the resources: of services, or of parts.
    """
    new = copy.deepcopy(live)
    for resource in _named(new, names):
        _set(resource, _ROLE, "Stopped")
        for inner in resource.iter(*_RESOURCES):
            # A part's own target-role is stronger than that of its group.
            if inner is not resource and _ROLE in pairs_of(inner, _META):
                _set(inner, _ROLE, "Stopped")
    return new


def started(live: etree._Element, names: Collection[str]) -> etree._Element:
    """Return a copy of a CIB in which nothing keeps resources stopped.

    What a description says (`enabled`) gets the value Started; else the target role goes.

    Args:
        live: The CIB; it is not modified.
        names: The IDs of the resources: of services, or of parts.
    """
    new = copy.deepcopy(live)
    for resource in _named(new, names):
        outer = list(resource.iterancestors(*_RESOURCES))
        for each in (*outer, *resource.iter(*_RESOURCES)):
            if pairs_of(each, _META).get(_ROLE, "").lower() == "stopped":
                _end(each, _ROLE, "Started")
    return new


def in_maintenance(live: etree._Element, name: str) -> etree._Element:
    """Return a copy of a CIB in which Pacemaker leaves a service alone, and does not monitor it.

    Args:
        live: The CIB; it is not modified.
        name: The service's ID.
    """
    new = copy.deepcopy(live)
    for resource in _named(new, (name,)):
        _set(resource, _MAINTENANCE, "true")
    return new


def managed(live: etree._Element, name: str) -> etree._Element:
    """Return a copy of a CIB in which Pacemaker manages all of a service.

    Args:
        live: The CIB; it is not modified.
        name: The service's ID.
    """
    new = copy.deepcopy(live)
    for resource in _named(new, (name,)):
        for each in resource.iter(*_RESOURCES):
            pairs = pairs_of(each, _META)
            if is_true(pairs.get(_MAINTENANCE, "")):
                _end(each, _MAINTENANCE, "false")
            if _MANAGED in pairs and not is_true(pairs[_MANAGED]):
                _end(each, _MANAGED, "true")
    return new


def _named(cib: etree._Element, names: Collection[str]) -> Iterator[etree._Element]:
    for resource in list(cib.iterfind("configuration/resources//*")):
        if resource.tag in _RESOURCES and resource.get("id") in names:
            yield resource


def _set(resource: etree._Element, name: str, value: str) -> None:
    wanted = nvset(_META, f"{resource.get('id')}-{_META}", {name: value})
    set_pair(resource, _META, name, wanted[0])


def _end(resource: etree._Element, name: str, otherwise: str) -> None:
    """Take a meta attribute away; where the description has it, set it otherwise."""
    described = (value_of(resource, _META, ids.SETS) or "").split()
    if name in described:
        _set(resource, name, otherwise)
    else:
        set_pair(resource, _META, name, None)
