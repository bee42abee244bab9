"""What Pacemaker's own crm_verify says of the configuration, in its own words.

The history of actions is left out: failures of actions are told elsewhere, and better.
"""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.findings import Finding, error, warning
from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.machine import Machine

CONFIGURATION_WRONG = error(
    "configuration-wrong",
    "Pacemaker finds the configuration wrong (crm_verify), and leaves out what it cannot use.",
)
CONFIGURATION_DOUBTFUL = warning(
    "configuration-doubtful",
    "Pacemaker finds something in the configuration doubtful (crm_verify).",
)

_TOOL = "crm_verify"
_TIMEOUT = 5.0
# `error: unpack_resources:  …`, or `(unpack_resources)  error: …`, or without the function.
_SAID = re.compile(r"^\s*(?:\(\w+\)\s+)?(error|warning):\s+(?:\w+:\s+)?(.+?)\s*$", re.M)
_CURE = (
    "Correct it where it was made; to see what Pacemaker says: crm_verify --live-check --verbose"
)


def verified(machine: Machine, live: etree._Element) -> Iterator[Finding]:
    """Find what Pacemaker itself says against the configuration.

    Nothing is said if the tool is not installed, fails or hangs.

    Args:
        machine: This machine.
        live: The live CIB.
    """
    if machine.runner.find(_TOOL) is None:
        return
    asked = copy.deepcopy(live)
    for resources in asked.iterfind("status/node_state/lrm/lrm_resources"):
        resources[:] = []
    # The mode of this folder is 0700, because a CIB may contain secrets.
    with tempfile.TemporaryDirectory(prefix="takeover-") as folder:
        file = Path(folder) / "cib.xml"
        file.write_text(to_text(asked))
        try:
            said = machine.runner.run(
                *(_TOOL, "--verbose", "--xml-file", str(file)), timeout=_TIMEOUT, ok=range(256)
            )
        except ProgramError:
            return
    if said.exit_code == 0:
        return
    lines = dict.fromkeys(_SAID.findall(f"{said.stderr}\n{said.stdout}"))
    for word, kind in (("error", CONFIGURATION_WRONG), ("warning", CONFIGURATION_DOUBTFUL)):
        words = [text for level, text in lines if level == word]
        if words:
            yield kind.at((), f"Pacemaker says of the configuration: {'; '.join(words)}", _CURE)
