"""The programs that add or change a quorum device: when a cluster is created, and later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cib_templates.model.cluster import QuorumDevice
from pcs_wrapper.change.steps.program import RunProgram

# pcs talks to every node, and waits up to 60 s for each, in seconds.
_LIMIT = 300.0


def adding(device: QuorumDevice, present: Sequence[str] = ()) -> list[RunProgram]:
    """Return the steps that add a quorum device.

    Args:
        device: The device. Times that were not given are Corosync's own.
        present: The arguments with which it was added before, if it is added anew: what was not
            given stays as it was.
    """
    options = _times(device)
    words = (*options, "model", "net", f"host={device.host}", f"algorithm={device.algorithm}")
    if present:
        given = {option.partition("=")[0]: option for option in options}
        if "algorithm" in device.model_fields_set:
            given["algorithm"] = f"algorithm={device.algorithm}"
        kept = [given.pop(word.partition("=")[0], word) for word in present]
        words = (*given.values(), *kept)
    return [
        RunProgram(
            f"authenticating to pcsd on {device.host}",
            ("pcs", "host", "auth", device.host, "-u", "hacluster"),
            _LIMIT,
            f"Does {device.host} have the packages corosync-qnetd and pcs, and the same password "
            "of the user hacluster?",
            password=True,
        ),
        RunProgram(
            f"adding {device.host} as the quorum device",
            ("pcs", "quorum", "device", "add", *words),
            _LIMIT,
            "Is corosync-qdevice installed on every node, and does corosync-qnetd run on "
            f"{device.host}? Debian's package sets it up (systemctl enable --now corosync-qnetd); "
            "elsewhere: pcs qdevice setup model net --enable --start",
        ),
    ]


def changing(device: QuorumDevice, present: Sequence[str]) -> list[RunProgram]:
    """Return the steps that change the settings of a quorum device; none if it has them.

    Args:
        device: The device, with the settings that are asked for.
        present: The arguments with which it was added.
    """
    generic = [each for each in _times(device) if each not in present]
    model = [f"algorithm={device.algorithm}"] if "algorithm" in device.model_fields_set else []
    model = [each for each in model if each not in present]
    if not (generic or model):
        return []
    words = (*generic, *(("model", *model) if model else ()))
    return [
        RunProgram(
            f"changing the settings of the quorum device {device.host}",
            ("pcs", "quorum", "device", "update", *words),
            _LIMIT,
        )
    ]


def _times(device: QuorumDevice) -> list[str]:
    """Return the times that were given, as pcs takes them."""
    times = {"timeout": device.timeout, "sync_timeout": device.sync_timeout}
    return [
        f"{name}={time // timedelta(milliseconds=1)}"
        for name, time in times.items()
        if name in device.model_fields_set
    ]
