"""Any parameters, names and environment: no traceback, no action over its time."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocf_agents.install.launchers import install_agents

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
ODD = st.one_of(
    TEXT,
    st.sampled_from(
        [*("²", "-1", "9" * 5000, "1e3", "\x1b]0;x\x07", "\u202e", "$(reboot)", "a b", "'", "\\"),
         *("a" * 4000, "../../etc", "%s%n", "\n", "true", "0", "1")]
    ),
)  # fmt: skip
#: None that this machine has, so that a stop has nothing to do.
ADDRESSES = st.one_of(
    ODD, st.sampled_from(["198.51.100.77", "2001:db8::77", "fe80::77", "198.51.100.77/24"])
)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "ip": ADDRESSES,
        "addresses": ADDRESSES,
        **dict.fromkeys(
            [
                *("cidr_netmask", "nic", "iflabel", "broadcast", "metric", "preferred_lft"),
                *("conflict_wait", "arp_count", "arp_count_refresh", "check_link_status", "watch"),
                *("lvs_support", "noprefixroute", "CRM_meta_interval"),
            ],
            ODD,
        ),
    },
)
ENVIRON = st.fixed_dictionaries(
    {},
    optional={
        "OCF_RESOURCE_INSTANCE": ODD,
        "OCF_CHECK_LEVEL": ODD,
        "OCF_RESKEY_CRM_meta_timeout": ODD,
        "OCF_RESKEY_CRM_meta_on_node": ODD,
        "PYTHONPATH": ODD,
        "LC_ALL": ODD,
    },
)
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the installed agent."""
    return install_agents(tmp_path_factory.mktemp("root"))[2]


@pytest.mark.parametrize("action", ["monitor", "stop", "validate-all", "meta-data"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(parameters=PARAMETERS, environ=ENVIRON)
def test_no_input_breaks_an_action(
    agent: Path, action: str, parameters: dict[str, str], environ: dict[str, str]
) -> None:
    """It ends in time with a code that the action may have, and a reason that is text."""
    done = subprocess.run(
        [agent, action],
        env={
            "HA_RSCTMP": str(agent.parent / "state"),
            **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
            **environ,
        },
        cwd="/",
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=30,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert not UNPRINTABLE.search(done.stderr)
    expected = {"stop": {0}, "meta-data": {0}, "validate-all": {0, 6}, "monitor": {0, 1, 6, 7}}
    assert done.returncode in expected[action], said
