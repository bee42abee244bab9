"""What is wrong with fencing: its devices, their plugs and levels, and nodes without any."""

from __future__ import annotations

from collections.abc import Iterator

from cib_templates.cib.secrecy.secrets import is_secret
from cib_templates.findings import Finding, error
from cib_templates.model.cluster import Fencing
from cib_templates.model.description import Description

# What Takeover makes of a device's own keys.
_KEYS = {
    "pcmk_host_list": "nodes",
    "pcmk_host_map": "plugs",
    "pcmk_reboot_timeout": "timeout",
    "pcmk_off_timeout": "timeout",
}

FENCING_OF_NO_NODE = error(
    "fencing-of-no-node", "A fencing device has an empty list of nodes, so that it fences none."
)
PLUG_MISSING = error(
    "plug-missing", "A fencing device has no plug for one of the nodes that it shall fence."
)
PLUG_WITHOUT_NODE = error(
    "plug-without-node", "A fencing device has a plug for a node that it does not fence."
)
FENCING_PARAMETER_HAS_A_KEY = error(
    "fencing-parameter-has-a-key",
    "A fencing parameter is set that Takeover makes of the device's keys.",
)
FENCING_SECRET = error(
    "secret-in-fencing-parameter",
    "A fencing parameter holds a secret, which every node's CIB and every report would show.",
)
NODE_UNFENCED = error(
    "node-unfenced",
    "No fencing device can fence a node, so that its services could never be taken over safely.",
)
LEVEL_DEVICE_UNKNOWN = error(
    "level-device-unknown", "A fencing level names a device that the description does not have."
)
LEVEL_DEVICE_OF_OTHERS = error(
    "level-device-of-others", "A node's fencing level names a device that cannot fence that node."
)
LEVEL_DEVICE_TWICE = error(
    "level-device-twice", "A node's fencing levels name one device more than once."
)


def check_fencing(description: Description, *, is_complete: bool) -> Iterator[Finding]:
    """Find what is wrong with fencing.

    Args:
        description: What could be read of the description.
        is_complete: Whether all its fencing devices could be read.
    """
    for name, fencing in description.fencing.items():
        yield from _device(name, fencing)
    if is_complete:
        # Watchdogs alone can be relied upon to end every node (Pacemaker Explained, "Fencing").
        if description.sbd is None or description.sbd.devices:
            yield from _unfenced_nodes(description)
        yield from _levels(description)


def _device(name: str, fencing: Fencing) -> Iterator[Finding]:
    if fencing.nodes is not None and not fencing.nodes:
        yield FENCING_OF_NO_NODE.at(
            ("fencing", name, "nodes"), "is empty", "name nodes, or leave it out for all"
        )
    if fencing.nodes is not None and fencing.plugs is not None:
        for node in fencing.nodes:
            if node not in fencing.plugs:
                yield PLUG_MISSING.at(
                    ("fencing", name, "plugs"),
                    f"has no plug for {node!r}",
                    "each of the device's nodes has a plug",
                )
        for node in fencing.plugs:
            if node not in fencing.nodes:
                yield PLUG_WITHOUT_NODE.at(
                    ("fencing", name, "plugs", node),
                    f"is a plug for a node that is not in fencing.{name}.nodes",
                    "name the same nodes in both, or leave out nodes",
                )
    for key, value in fencing.parameters.items():
        path = ("fencing", name, "parameters", key)
        if key in _KEYS:
            yield FENCING_PARAMETER_HAS_A_KEY.at(
                path, "is set by Takeover", f"use fencing.{name}.{_KEYS[key]} instead"
            )
        elif is_secret(key, value):
            yield FENCING_SECRET.at(
                path,
                "a secret must not be in the description: every node's CIB would show it",
                "use the agent's parameter for a program of mode 0700 that prints it, or for "
                "a file of mode 0600, such as password_script or identity_file",
            )


def _unfenced_nodes(description: Description) -> Iterator[Finding]:
    fenced = {node for device in description.fencing for node in description.fenced_by(device)}
    for node in description.nodes:
        if node not in fenced:
            yield NODE_UNFENCED.at(
                ("nodes", node),
                "no fencing device can fence this node: its services could not be taken over",
                "add it to a [fencing.NAME] table",
            )


def _levels(description: Description) -> Iterator[Finding]:
    for name, node in description.nodes.items():
        seen: dict[str, int] = {}
        for index, devices in enumerate(node.fencing_levels):
            for place, device in enumerate(devices):
                path = ("nodes", name, "fencing_levels", index, place)
                if device not in description.fencing:
                    known = ", ".join(description.fencing) or "none"
                    yield LEVEL_DEVICE_UNKNOWN.at(
                        path, f"there is no fencing device {device!r}", f"[fencing] has {known}"
                    )
                elif name not in description.fenced_by(device):
                    yield LEVEL_DEVICE_OF_OTHERS.at(
                        path, f"{device!r} cannot fence {name}", f"add it to fencing.{device}"
                    )
                elif seen.setdefault(device, index) != index or devices.index(device) != place:
                    yield LEVEL_DEVICE_TWICE.at(path, f"{device!r} is named twice", "name it once")
