"""Where Corosync is not as described: its settings are not in the CIB, so apply leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cib_templates.comparing.diff import AttributeDiff, ObjectDiff
from cib_templates.findings import Finding, warning
from cib_templates.model.description import Description
from pcs_wrapper.pacemaker.corosync import DEFAULT_COEFFICIENT, ClusterConfig

TOKEN_DIFFERS = warning(
    "token-differs", "Corosync's token is not the one that is described; apply does not change it."
)
TIMING_DIFFERS = warning(
    "corosync-timing-differs",
    "Another of Corosync's times (consensus, token_coefficient) is not as described; apply does "
    "not change it.",
)
LINKS_DIFFER = warning(
    "addresses-differ",
    "The addresses of a node's Corosync links are not those that are described; apply does not "
    "change them.",
)
NOT_LOADED = warning(
    "corosync-not-loaded",
    "Corosync runs with other settings than those in its configuration file: they were never "
    "loaded.",
)
_CURE = "apply leaves that to: takeover cluster configure FILE"
_MILLISECOND = timedelta(milliseconds=1)


def differences(description: Description, config: ClusterConfig) -> tuple[ObjectDiff, ...]:
    """Return where Corosync's configuration differs, with the described values as the old ones.

    Args:
        description: The description of the cluster.
        config: Corosync's configuration.
    """
    cluster = description.cluster
    coefficient = cluster.token_coefficient or DEFAULT_COEFFICIENT
    times = [
        ("token", cluster.token, config.token),
        ("token_coefficient", coefficient, config.token_coefficient),
        ("consensus", cluster.consensus, config.consensus),
    ]
    found = [
        _changed("corosync", "totem", name, _ms(described), _ms(present))
        for name, described, present in times
        if described != present
    ]
    for name, node in description.nodes.items():
        links = config.nodes.get(name)
        described = [str(link) for link in node.links]
        if links is not None and links != described:
            found.append(_changed("node", name, "links", ", ".join(described), ", ".join(links)))
    return tuple(found)


def findings(
    description: Description, config: ClusterConfig, loaded: ClusterConfig | None
) -> Iterator[Finding]:
    """Find where Corosync is not as described, or does not run as its own file says.

    Args:
        description: The description of the cluster.
        config: Corosync's configuration.
        loaded: What Corosync has loaded of it; None if it cannot be asked.
    """
    for each in differences(description, config):
        [fact] = each.attributes
        if fact.name == "token":
            yield TOKEN_DIFFERS.at(
                ("cluster", "token"),
                f"the cluster's token is {fact.new}, the description's {fact.old}",
                _CURE,
            )
        elif each.what == "node":
            yield LINKS_DIFFER.at(
                ("nodes", each.name, "links"),
                f"Corosync's links of {each.name} have the addresses {fact.new}, the description's "
                f"{fact.old}",
                _CURE,
            )
        else:
            yield TIMING_DIFFERS.at(
                ("cluster", fact.name),
                f"the cluster's {fact.name} is {fact.new or 'the default'}, the description's "
                f"{fact.old or 'the default'}",
                _CURE,
            )
    if loaded is not None:
        yield from _not_loaded(config, loaded)


def _not_loaded(config: ClusterConfig, loaded: ClusterConfig) -> Iterator[Finding]:
    pairs = [
        ("token", _ms(loaded.token), _ms(config.token)),
        *(
            (f"addresses of {name}", ", ".join(loaded.nodes[name]), ", ".join(links))
            for name, links in config.nodes.items()
            if name in loaded.nodes
        ),
    ]
    for what, running, written in pairs:
        if running != written:
            yield NOT_LOADED.at(
                (),
                f"Corosync runs with the {what} {running} on this node, and its configuration file "
                f"says {written}",
                "To load it on every node: pcs cluster reload corosync",
            )


def _changed(what: str, name: str, key: str, old: str | None, new: str | None) -> ObjectDiff:
    return ObjectDiff("changed", what, name, None, (AttributeDiff(key, old, new),))


def _ms(time: timedelta | None) -> str | None:
    return None if time is None else f"{time // _MILLISECOND} ms"


def number_of(text: str | None) -> str:
    """Return a time as pcs takes it; nothing takes an option away.

    Args:
        text: The time, as a difference has it; None for Corosync's default.
    """
    return (text or "").partition(" ")[0]
