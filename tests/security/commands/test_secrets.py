"""A secret that is in the cluster is not in what is printed, logged, planned or imported."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pcs_wrapper.errors import CommandFailed
from pcs_wrapper.machine.runner import Runner
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

SECRET = "hunter2-of-the-fence"
NAMES = ("password", "community", "hexadecimal_kg", "pin", "access_key", "psk", "auth")


@pytest.fixture
def live(live: str) -> str:
    """Return the live CIB of a cluster whose fencing device has secrets of every kind."""
    pairs = "".join(
        f'<nvpair id="fence-rig-{name}" name="{name}" value="{SECRET}"/>' for name in NAMES
    )
    found = re.search(r'<primitive id="fence-rig"[^>]*>\s*<instance_attributes [^>]*>', live)
    assert found is not None
    return live.replace(found[0], f"{found[0]}{pairs}")


COMMANDS = [
    "plan D", "plan D --json", "apply D --dry-run", "apply D --dry-run --json", "drift D",
    "drift D --json", "import", "plan D --cib C", "drift D --cib C", "status",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_it(
    *, command: str, live: str, cluster: Cluster, takeover: Takeover, description: Path,
    tmp_path: Path, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Nor what it warns of, whatever differs."""
    cluster.state, cluster.cib = "running", live
    cluster.scheduled = ("<pacemaker-result/>", "<pacemaker-result/>")
    (tmp_path / "cib.xml").write_text(live)
    description.write_text(description.read_text().replace('user = "postgres"', 'user = "pg"'))
    files = {"D": str(description), "C": str(tmp_path / "cib.xml")}
    takeover(*(files.get(word, word) for word in command.split()))
    out, err = capfd.readouterr()
    assert out
    assert SECRET not in out + err + "".join(takeover.warned + takeover.said + takeover.progress)


def test_that_a_secret_changes_is_told_without_it(
    live: str, cluster: Cluster, takeover: Takeover, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A dry run shows the CIBs line by line, and where there is another secret."""
    from cib_templates.cib.secrecy.masking import public
    from cib_templates.cib.text import parse_cib, to_text

    cluster.state, cluster.cib = "running", live
    shown = to_text(public(parse_cib(live.replace(SECRET, "new", 1)), parse_cib(live)))
    assert shown.count("(another secret)") == 1
    assert shown.count("(a secret)") >= len(NAMES) - 1
    assert takeover("apply", description, "--dry-run") == 0
    assert SECRET not in capsys.readouterr().out


OUTPUTS = {
    "a CIB": f'<nvpair name="password" value="{SECRET}"/>',
    "single quotes": f"<nvpair value='{SECRET}' name='community'/>",
    "JSON": json.dumps({"nvpairs": [{"name": "pin", "value": SECRET}]}),
    "an error": f"error: cannot log in to https://admin:{SECRET}@198.51.100.1/",
    "XML in JSON": json.dumps({"xml": f'<nvpair name="psk" value="{SECRET}"/>'}),
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
@pytest.mark.parametrize("stream", ["", " >&2"])
def test_the_debug_log_masks_what_programs_print(
    output: str, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    """On either stream; and an error tells none, either."""
    with caplog.at_level(logging.DEBUG):
        Runner().run("sh", "-c", f"cat{stream}", stdin=output, timeout=10)
        with pytest.raises(CommandFailed) as failed:
            Runner().run("sh", "-c", f"cat{stream}; exit 3", stdin=output, timeout=10)
    assert "(a secret)" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in str(failed.value)


def test_the_debug_log_of_the_command_line(live: str, tmp_path: Path) -> None:
    """With TAKEOVER_DEBUG=1, on standard error, as a user sees it: masked, and printable."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "cib.xml").write_text(live.replace("shop-app", "shop-\u202eapp"))
    program = folder / "pcs"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/cib.xml\nprintf '\\033]0;x\\007' >&2\n")
    program.chmod(0o755)
    code = (
        "from pcs_wrapper.machine import runner; from pcs_wrapper import cli; "
        f"runner._PATH = ({str(folder)!r}, *runner._PATH); cli.main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "import", "--cib", program, "--corosync-conf", "x"],
        capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | {"TAKEOVER_DEBUG": "1"},
    )  # fmt: skip
    assert "running: pcs cluster config" in ended.stderr
    assert "(a secret)" in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout
    assert all(char.isprintable() or char in "\n\t" for char in ended.stderr)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('health = "command', 'health = "http://shop:hunter2@127.0.0.1/" # ', "app.health"),
        (
            'user = "postgres"',
            'user = "postgres"\nparameters = {community = "x"}',
            "app.parameters",
        ),
        ('options = "noatime"', 'options = "username=x,password=y"', "filesystem.options"),
    ],
)
def test_check_refuses_a_secret(
    *, old: str, new: str, path: str, takeover: Takeover, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """In an address, in options, in a parameter of any such name."""
    file = tmp_path / "cluster.toml"
    text = EXAMPLE.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert takeover("check", file, "--json") == 2
    found = json.loads(capsys.readouterr().out)["mistakes"]
    assert [path in each["path"] for each in found if each["code"] == "secret-in-parameter"] == [
        True
    ]


FRAGMENT = f"""
[[fragments]]
xml = '''
<resources><primitive id="box" class="ocf" provider="heartbeat" type="Dummy">
  <instance_attributes id="box-parameters">
    <nvpair id="box-password" name="password" value="{SECRET}"/>
  </instance_attributes>
</primitive></resources>'''
"""


def test_render_prints_what_a_fragment_has_and_says_so(
    takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The CIB would be another one without the secret; who stores it has to know where it is."""
    assert takeover("render", description) == 0
    assert not any("secret" in each for each in takeover.warned)
    description.write_text(description.read_text() + FRAGMENT)
    assert takeover("render", description) == 0
    assert f'value="{SECRET}"' in capsys.readouterr().out
    [warned] = [each for each in takeover.warned if "secret" in each]
    assert "password of box" in warned
    assert SECRET not in warned


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_plan_whose_secrets_others_can_read_is_applied_with_a_warning(
    *, live: str, cluster: Cluster, takeover: Takeover, description: Path, tmp_path: Path, mode: int
) -> None:
    """They are known to others by then: to refuse it would help nobody, to say nothing neither."""
    cluster.state, cluster.cib = "running", live
    cluster.scheduled = ("<pacemaker-result/>", "<pacemaker-result/>")
    description.write_text(description.read_text().replace('user = "postgres"', 'user = "pg"'))
    plan = tmp_path / "plan"
    assert takeover("plan", description, "--out", plan) == 3
    plan.chmod(mode)
    assert takeover("apply", plan, "--dry-run") == 0
    warned = [each for each in takeover.warned if "secrets" in each]
    assert bool(warned) is (mode != 0o600)
    assert all("password of fence-rig" in each for each in warned)
    assert all(f"chmod 600 {plan}" in each and SECRET not in each for each in warned)
