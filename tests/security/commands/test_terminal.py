"""Nothing that comes from the cluster, an agent or a file is obeyed by a terminal."""

from __future__ import annotations

import ast
import io
import json
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

import pcs_wrapper
from pcs_wrapper.change.history.checkpoints import Checkpoints
from pcs_wrapper.cli import run
from pcs_wrapper.machine.console import Console
from pcs_wrapper.machine.terminal import escaped_json, printable, style
from tests.security.commands.place import Place
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import told
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

# CSI and OSC as ESC and as C1, a backspace, and what turns the direction of writing.
ODD = "\x1b]0;title\x07\x9b31m\x08\u202eevil\u2066\x7f"
OF_XML = "\x9b31m\u202eevil\u2066"
SHOWN = "\\x9b31m\\u202eevil\\u2066"


def letters(text: str) -> bool:
    """Return whether a text has nothing but letters and lines."""
    return all(char.isprintable() or char in "\n\t" for char in text)


def test_colours_are_ours_and_others_escapes_are_shown() -> None:
    """A name cannot paint itself green."""
    text = f"{style('running', 'green')} \x1b[32mrunning\x1b[0m"
    assert printable(text) == "\x1b[32mrunning\x1b[0m \\x1b[32mrunning\\x1b[0m"
    assert printable(ODD) == "\\x1b]0;title\\x07\\x9b31m\\x08\\u202eevil\\u2066\\x7f"
    assert printable("größer → 東京 …\n") == "größer → 東京 …\n"


def test_json_means_the_same() -> None:
    """What is escaped is so as JSON does it, beyond 16 bits and for half characters, too."""
    data = {"a": ODD, "b": "\U000e0041", "c": "\ud800", "d": "東京"}
    text = escaped_json(json.dumps(data, ensure_ascii=False))
    assert json.loads(text) == data
    assert letters(text)
    assert "東京" in text


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_status(
    option: tuple[str, ...],
    cluster: Cluster,
    takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A reason, and the name of a resource or a node; a newline makes no line of its own."""
    state = told("start-failed").replace(
        "database files are incompatible", f"{OF_XML}&#10;  shop: ok"
    )
    cluster.state = state.replace("shop-address", f"shop-{OF_XML}")
    assert takeover("status", *option) == 0
    out = capsys.readouterr().out
    assert letters(out)
    if option:
        assert f"{OF_XML}\n  shop: ok" in json.dumps(json.loads(out), ensure_ascii=False).replace(
            "\\n", "\n"
        )
    else:
        assert f"{SHOWN}\\x0a  shop: ok" in out
        assert "\n  shop: ok" not in out


def test_history_and_its_notes(
    takeover: Takeover, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a message or a note holds."""
    cluster.state = "running"
    place = Place(takeover.machine.state.parent)
    place.checkpoint()
    kept = Checkpoints(takeover.machine.state)
    kept.keep(kept.get(1), state="applied", message=ODD, note=f"{ODD}\n{ODD}", user=ODD)
    for option in ((), ("--json",)):
        assert takeover("history", *option) == 0
        assert letters(capsys.readouterr().out)


def test_an_error_and_what_is_told_meanwhile(
    takeover: Takeover, cluster: Cluster, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What a program said, a file's name, an argument; on standard error, too."""
    cluster.state = "running"
    cluster.when("crm_mon", exit_code=1, stderr=ODD)
    takeover("status")
    takeover("check", tmp_path / f"a{ODD.replace('/', '')}")
    takeover("check", "--json", tmp_path / f"a{ODD}")
    takeover(f"--{ODD}")
    takeover("schema", "--output", ODD)
    machine = replace(takeover.machine, console=Console(), is_root=False)
    run(["check", "x", ODD], machine)
    out, err = capfd.readouterr()
    assert letters(out + err)
    assert "\\x1b]0;title\\x07" in err


def test_what_cannot_be_described_is_told_in_letters(
    takeover: Takeover, cluster: Cluster, live: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No description can have it; the comment says what it is."""
    cluster.state, cluster.cib = "running", live.replace('value="postgres"', f'value="{OF_XML}"')
    assert takeover("import") == 0
    out = capsys.readouterr().out
    assert letters(out)
    assert "user \\U0000009b31m\\U0000202eevil\\U00002066: " in out.partition("\n\n")[0]
    assert "user" not in tomllib.loads(out)["services"]["shop"]["app"]


def test_what_is_rendered_means_the_same(
    takeover: Takeover, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """XML has escapes of its own."""
    (tmp_path / "acls.xml").write_text(f'<acls><acl_role id="a" description="{OF_XML}"/></acls>')
    file = tmp_path / "cluster.toml"
    file.write_text(f'{EXAMPLE.read_text()}\n[[fragments]]\nfile = "acls.xml"\n')
    assert takeover("render", file) == 0
    out = capsys.readouterr().out
    assert letters(out)
    [role] = etree.fromstring(out.encode()).iter("acl_role")
    assert role.get("description") == OF_XML


def test_a_locale_without_arrows_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written there is shown by its number."""
    from pcs_wrapper import cli

    out = io.TextIOWrapper(io.BytesIO(), encoding="iso-8859-1")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["takeover", "check", f"{EXAMPLE}→"])
    monkeypatch.setattr(sys, "stderr", out)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    out.flush()
    assert b"\\u2192: there is no such file" in out.buffer.getvalue()


def test_there_is_one_way_to_print() -> None:
    """Only printing.py writes, and only terminal.py knows colours."""
    folder = Path(pcs_wrapper.__file__).parent
    found = []
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in (
                "echo",
                "secho",
                "style",
                "print_exception",
            ):
                found.append((file.name, node.attr))
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "print"
            ):
                found.append((file.name, "print"))
    assert set(found) == {("printing.py", "echo")}
