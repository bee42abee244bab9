"""Completion in a shell: commands, options and the names of what the cluster has, and no errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import Bash
from tests.unit.house.arrows import CHECKOUT
from tests.unit.pcs_wrapper.conftest import Takeover

SCRIPT = CHECKOUT / "share/bash-completion/completions/takeover"
CIB = """\
<cib><configuration>
  <nodes><node id="1" uname="node1"/><node id="2" uname="node2"/></nodes>
  <resources>
    <template id="a-record" class="ocf" provider="heartbeat" type="Dummy"/>
    <primitive id="fence-power" class="stonith" type="fence_apc"/>
    <group id="shop"><primitive id="shop-app"/><primitive id="shop-address"/></group>
    <clone id="front"><group id="front-group"><primitive id="front-app"/></group></clone>
  </resources>
</configuration></cib>
"""
COROSYNC_CONF = """\
totem {
    cluster_name: shop
}
nodelist {
    node {
        ring0_addr: 198.51.100.11
        name: east
    }
    node {
        ring0_addr: 198.51.100.12
        name: west
    }
}
"""


@pytest.fixture
def archive(takeover: Takeover) -> Path:
    """Return Pacemaker's file of the configuration, of a cluster with two services."""
    takeover.machine.archive.mkdir()
    file = takeover.machine.archive / "cib.xml"
    file.write_text(CIB)
    return file


class Shell:
    """A shell that asks the command line for words.

    Args:
        takeover: The command line.
        monkeypatch: The environment of the shell.
        capsys: What the command line prints.
    """

    def __init__(
        self,
        takeover: Takeover,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._takeover = takeover
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: str, kind: str = "bash") -> list[str]:
        """Return what the shell is answered: the words that may stand in place of the last one."""
        self._monkeypatch.setenv("_TAKEOVER_COMPLETE", f"{kind}_complete")
        self._monkeypatch.setenv("COMP_WORDS", " ".join(("takeover", *words)))
        self._monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit):
            self._takeover()
        captured = self._capsys.readouterr()
        assert captured.err == ""
        return [line.removeprefix("plain,") for line in captured.out.splitlines() if line]


@pytest.fixture
def complete(
    takeover: Takeover, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(takeover, monkeypatch, capsys)


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("pl",), ["plan"]),
        (("service", "un"), ["unpin"]),
        (("node", "pause", ""), ["node1", "node2"]),
        (("node", "resume", "node2"), ["node2"]),
        (("fence", "test", "node1", ""), ["node1", "node2"]),
        (("fence", "confirm", "x"), []),
        (("service", "move", ""), ["shop", "front"]),
        (("service", "move", "shop", "node"), ["node1", "node2"]),
        (("service", "pin", "front", ""), ["node1", "node2"]),
        (("service", "restart", "shop", "--part", ""), ["app", "address"]),
        (("service", "restart", "nobody", "--part", ""), []),
        (("service", "maintenance", "o"), ["on", "off"]),
        (("schema", "--output", "quo"), ["quorum-status"]),
        (("status", "--j"), ["--json"]),
        (("apply", "clu"), ["file,clu"]),
    ],
)
def test_a_word_is_completed(words: tuple[str, ...], expected: list[str], complete: Shell) -> None:
    """Commands, options, and names in the cluster's configuration; for a file, the shell looks."""
    assert complete(*words) == expected


def test_commands_are_not_imported_to_be_listed(complete: Shell) -> None:
    """All of them, in the order of the help, and with the lines of it where a shell shows them."""
    assert complete("")[:4] == ["init", "check", "render", "schema"]
    assert complete("pla", kind="zsh") == [
        "plain",
        "plan",
        "Show what apply would change, and what the cluster would then do.",
    ]


def test_who_may_not_read_the_configuration_gets_the_nodes(
    takeover: Takeover, complete: Shell
) -> None:
    """Corosync's file is for everybody; it names no services."""
    takeover.machine.corosync_conf.write_text(COROSYNC_CONF)
    assert complete("node", "pause", "") == ["east", "west"]
    assert complete("service", "move", "") == []


@pytest.mark.parametrize("content", ["", "<cib", "<cib/>", "\0", "<other/>"])
def test_a_broken_configuration_completes_nothing(
    content: str, archive: Path, complete: Shell
) -> None:
    """Nor does one that is missing; no word about it."""
    archive.write_text(content)
    assert complete("service", "move", "") == []
    archive.unlink()
    assert complete("node", "pause", "") == []


def test_an_error_is_never_printed() -> None:
    """A shell that asks in a wrong way gets nothing, rather than a message in the line."""
    code = "from pcs_wrapper.cli import main; main()"
    environ = {"_TAKEOVER_COMPLETE": "bash_complete", "COMP_WORDS": "takeover ", "COMP_CWORD": "x"}
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, timeout=30,
        env=os.environ | environ | {"TAKEOVER_DEBUG": "1"},
    )  # fmt: skip
    assert (ended.stdout, ended.stderr) == (b"", b"")


def test_bash_completes(archive: Path, takeover: Takeover, tmp_path: Path) -> None:
    """Somebody sources the script, types the first letters, and presses the tabulator key."""
    program = tmp_path / "bin" / "takeover"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(CHECKOUT)!r})\n"
        "from pcs_wrapper.cli import run; from pcs_wrapper.machine.machine import Machine\n"
        f"machine = Machine(archive=Path({str(archive.parent)!r}), "
        f"corosync_conf=Path({str(takeover.machine.corosync_conf)!r}))\n"
        "sys.exit(run(sys.argv[1:], machine))\n"
    )
    program.chmod(0o755)
    (program.parent / "cluster.toml").touch()
    bash = Bash(["bash"], program.parent)
    try:
        bash.types(f"source {SCRIPT}; echo re''ady\n", until="ready\r\n$ ")
        bash.types("takeover serv\t", until="takeover service ")
        bash.types("mo\tfr\t", until="move front ")
        bash.types("no\t2\t", until="2 ")
        bash.types("\x15takeover apply --dry\tcl\t", until="--dry-run cluster.toml ")
    finally:
        bash.end()
