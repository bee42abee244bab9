"""The command line as a whole: exit codes, messages, and no traceback ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from lxml import etree

import pcs_wrapper.commands.description.check
from cib_templates.cib.text import to_text
from cib_templates.reading.reading import read_description
from cib_templates.rendering.render import render
from pcs_wrapper.cli import run
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover


def takeover(*arguments: str | Path, **options: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, with more variables in its environment."""
    code = "from pcs_wrapper.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=30, env=os.environ | options,
    )  # fmt: skip


def test_help_is_quick_and_lists_the_commands() -> None:
    """`--help` loads neither lxml nor pydantic nor sh."""
    code = (
        "import sys; from pcs_wrapper.cli import run; code = run(['--help']);"
        "sys.exit(code or 10 * bool({'lxml', 'pydantic', 'sh'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 0
    commands = [line.split()[0] for line in ended.stdout.partition("Commands:")[2].splitlines()[1:]]
    wanted = "init check render schema cluster plan apply confirm rollback history drift import"
    later = "status service node quorum witness fence upgrade backup restore agents"
    assert commands == [*wanted.split(), *later.split()]


def test_check_finds_no_mistake(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """A right description is summed up in a line."""
    assert takeover("check", EXAMPLE) == 0
    assert capsys.readouterr().out == (
        f"{EXAMPLE}: no mistakes. Cluster shop; nodes: node1, node2, node3; services: shop\n"
    )


BAD = [
    ("unknown key", "prefix = 24", "prefiks = 24", "did you mean 'prefix'?"),
    ("wrong type", "prefix = 24", 'prefix = "24"', "prefix: must not be a string"),
    ("node that is not there", '"node2", "node3"]', '"node9"]', "there is no node 'node9'"),
    ("not TOML", "schema = 1", "schema 1", "is not TOML: Expected '=' after a key"),
]


@pytest.mark.parametrize(("old", "new", "expected"), [case[1:] for case in BAD])
@pytest.mark.parametrize("command", [("check",), ("render",), ("apply",), ("cluster", "create")])
def test_a_bad_description_is_exit_code_2(
    command: tuple[str, ...], *, old: str, new: str, expected: str, takeover: Takeover,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Every command that reads a description refuses a bad one before it does anything."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace(old, new))
    assert takeover(*command, file) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert expected in captured.err
    assert f"{file}:" in captured.err


@pytest.mark.parametrize("command", [("check",), ("render",), ("apply",), ("cluster", "create")])
def test_a_missing_description_is_exit_code_2(
    command: tuple[str, ...], takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not there is named."""
    assert takeover(*command, "/does/not/exist.toml") == 2
    assert "/does/not/exist.toml: there is no such file" in capsys.readouterr().err


def test_check_gives_mistakes_as_json(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Editors get every mistake as data, and none for a right description."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("prefix = 24", "prefiks = 24"))
    assert takeover("check", "--json", file) == 2
    (mistake,) = json.loads(capsys.readouterr().out)["mistakes"]
    assert (mistake["code"], mistake["severity"]) == ("key-unknown", "error")
    assert mistake["path"] == "services.shop.address.prefiks"
    assert mistake["line"] == file.read_text()[: file.read_text().index("prefiks")].count("\n") + 1
    machine = replace(takeover.machine, root=with_programs(tmp_path / "root"))
    assert run(["check", "--json", str(EXAMPLE)], machine) == 0
    right = {"schema": 1, "mistakes": [], "warnings": []}
    assert json.loads(capsys.readouterr().out) == right


def test_render_prints_the_cib(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """The CIB is on standard output; that it was not checked is said on standard error."""
    assert takeover("render", EXAMPLE) == 0
    captured = capsys.readouterr()
    assert captured.out == to_text(render(read_description(EXAMPLE)))
    assert captured.err.startswith("the CIB was not checked against Pacemaker's schema")


@pytest.mark.parametrize(
    "arguments", [("bogus",), ("check",), ("check", "a", "b"), ("apply", "-x")]
)
def test_a_wrong_command_line_is_exit_code_2(
    arguments: tuple[str, ...], takeover: Takeover
) -> None:
    """Usage errors have a code of their own."""
    assert takeover(*arguments) == 2


def failure(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the error that a command printed as JSON, with no word on standard error."""
    captured = capsys.readouterr()
    assert captured.err.strip() == ""
    printed = json.loads(captured.out)
    assert printed["schema"] == 1
    error = printed["error"]
    assert error["message"]
    assert error["hint"]
    return dict(error)


def test_with_json_an_error_is_json(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A code, a message, a hint, the exit code and every finding; nothing on standard error."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace("prefix = 24", "prefiks = 24"))
    assert takeover("plan", "--json", file) == 2
    error = failure(capsys)
    assert (error["code"], error["exit_code"]) == ("description-wrong", 2)
    (finding,) = error["findings"]
    assert finding["code"] == "key-unknown"
    assert finding["path"] == "services.shop.address.prefiks"
    ended = replace(takeover.machine, is_root=False)
    assert run(["apply", "--json", str(EXAMPLE)], ended) == 1
    assert failure(capsys)["code"] == "not-root"


@pytest.mark.parametrize(
    ("arguments", "as_json"),
    [
        (("check", "--json"), True),
        (("check", "--json", "a", "b"), True),
        (("apply", "-x", "--json"), True),
        (("agents", "check", "--timeout", "x", "--json"), True),
        (("check", "a", "b"), False),
        (("check", "--", "--json", "b"), False),
        (("apply", "--message", "--json"), False),
        (("render", "--json", "a"), False),
        (("agents", "--json"), False),
        (("bogus", "--json"), False),
        (("--json",), False),
    ],
)
def test_with_json_a_wrong_command_line_is_json(
    arguments: tuple[str, ...], *, as_json: bool, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """If it is a command that has --json, and that is no other option's value."""
    assert takeover(*arguments) == 2
    if as_json:
        error = failure(capsys)
        assert (error["code"], error["exit_code"]) == ("usage", 2)
    else:
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("Usage: takeover")


def test_agents_are_installed(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files that were written are named."""
    assert takeover("agents", "install", "--root", tmp_path) == 0
    written = capsys.readouterr().out.splitlines()
    assert sorted(Path(path).name for path in written) == ["app", "filesystem", "ip", "survey"]


def test_the_agents_know_every_parameter_that_is_rendered(
    takeover: Takeover, tmp_path: Path
) -> None:
    """What a description can say of a part, its agent declares in its metadata."""
    file = tmp_path / "cluster.toml"
    file.write_text(
        EXAMPLE.read_text()
        .replace("prefix = 24", 'prefix = 24\ninterface = "eth0"')
        .replace("lun = 1", 'lun = 1\nattach = "/usr/lib/attach"')
    )
    assert takeover("agents", "install", "--root", tmp_path) == 0
    for primitive in render(read_description(file)).iterfind(".//primitive[@provider='takeover']"):
        agent = tmp_path / "usr/lib/ocf/resource.d/takeover" / str(primitive.get("type"))
        ended = subprocess.run([agent, "meta-data"], capture_output=True, check=True, timeout=30)
        known = etree.fromstring(ended.stdout).xpath("parameters/parameter/@name")
        rendered = primitive.xpath("instance_attributes/nvpair/@name")
        assert len(rendered) > 2
        assert set(rendered) <= set(known)


def test_agents_that_cannot_be_installed_are_told(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A root that is no folder is exit code 1 with a message."""
    (tmp_path / "file").touch()
    assert takeover("agents", "install", "--root", tmp_path / "file") == 1
    assert "cannot install" in capsys.readouterr().err


def test_a_fault_of_ours_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception that nobody expected is exit code 1, in a line, and says how to see more."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr(pcs_wrapper.commands.description.check.check, "callback", broken)
    monkeypatch.delenv("TAKEOVER_DEBUG", raising=False)
    assert run(["check", "x"]) == 1
    assert capsys.readouterr().err == (
        "this is a fault in Takeover: ZeroDivisionError: x; run it again with TAKEOVER_DEBUG=1 in "
        "the environment to see the details\n"
    )
    assert run(["check", "--json", "x"]) == 1
    assert failure(capsys)["code"] == "fault-in-takeover"
    monkeypatch.setenv("TAKEOVER_DEBUG", "1")
    assert run(["check", "x"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_is_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends a command without a traceback."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pcs_wrapper.commands.description.check.check, "callback", interrupted)
    assert run(["check", "x"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted: nothing was changed"
    assert run(["check", "--json", "x"]) == 130
    assert failure(capsys)["code"] == "interrupted"


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`takeover render FILE | head -1` says nothing on standard error."""
    code = "from pcs_wrapper.cli import main; main()"
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-c", code, "check", str(EXAMPLE)],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=30,
    )  # fmt: skip
    os.close(write)
    assert ended.stderr == ""


def test_the_debug_log_is_on_standard_error() -> None:
    """With TAKEOVER_DEBUG=1, what is run is shown; output stays clean."""
    quiet = takeover("check", EXAMPLE)
    loud = takeover("check", EXAMPLE, TAKEOVER_DEBUG="1")
    assert quiet.returncode == loud.returncode == 0
    assert quiet.stdout == loud.stdout


def test_check_on_a_node_knows_its_programs(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typo in a path is told before the cluster tries it; what is on the service's disk is not.

    The disk need not be mounted here now.
    """
    for name in ("usr/bin/shop", "usr/bin/ask"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).touch()
    file = tmp_path / "cluster.toml"
    for command, health, told in (
        ("/usr/bin/shop", "/usr/bin/ask", []),
        ("/usr/bin/shpo", "/usr/bin/ask", ["app.command: node2 has no program /usr/bin/shpo"]),
        ("/usr/bin/shop", "/usr/bin/aks", ["app.health: node2 has no program /usr/bin/aks"]),
        ("/srv/shop/bin/shop", "/usr/bin/ask", []),
    ):
        file.write_text(
            _with_application(command=[command, "--serve"], health=f"command:{health} 'the shop'")
        )
        for host in ("node2", "laptop"):
            here = replace(takeover.machine, host=host, root=tmp_path / "root")
            assert run(["check", str(file)], here) == 0
            lines = [line for line in capsys.readouterr().err.splitlines() if "program" in line]
            assert len(lines) == (len(told) if host == "node2" else 0)
            assert all(each in line for each, line in zip(told, lines, strict=False))


def _with_application(*, command: list[str], health: str) -> str:
    """Return the example's description with another application."""
    text = tomlkit.parse(EXAMPLE.read_text())
    app = text["services"]["shop"]["app"]
    app["command"], app["health"] = command, health
    return tomlkit.dumps(text)


def test_check_on_a_node_knows_its_interfaces(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that this node does not have is asked about; of other machines nothing is known."""
    interfaces = tmp_path / "net"
    for name in ("lo", "eth0"):
        (interfaces / name).mkdir(parents=True)
    file = tmp_path / "cluster.toml"
    text = EXAMPLE.read_text().replace("prefix = 24", 'prefix = 24\ninterface = "eth9"')
    file.write_text(text)
    node = replace(takeover.machine, root=with_programs(tmp_path / "root"))
    for host, warned in (("node2", True), ("laptop", False)):
        here = replace(node, host=host, interfaces=interfaces)
        assert run(["check", str(file)], here) == 0
        told = capsys.readouterr().err
        assert ("services.shop.address.interface: node2 has no interface eth9" in told) == warned
        assert ("(it has: eth0)" in told) == warned
    file.write_text(text.replace("eth9", "eth0"))
    here = replace(node, host="node2", interfaces=interfaces)
    assert run(["check", str(file)], here) == 0
    assert capsys.readouterr().err == ""


def with_programs(root: Path) -> Path:
    """Return a folder that has the programs of the example's description, as a node has."""
    app = read_description(EXAMPLE).services["shop"].app[0]
    checks = [check.partition(":")[2].split()[0] for check in (app.ready, app.health) if check]
    for program in [*(app.command or [])[:1], *(each for each in checks if each.startswith("/"))]:
        file = root / program.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root


def test_check_warns_and_succeeds(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning has its line, reason and cure, and is no failure; programs get it as data."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace('"1000ms"', '"500ms"'))
    takeover = replace(
        takeover, machine=replace(takeover.machine, root=with_programs(tmp_path / "root"))
    )
    assert takeover("check", file) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith(f"warning: {file}:6: cluster.token: a node that pauses for ")
    assert "no mistakes" in captured.out
    assert takeover("check", "--json", file) == 0
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert (warning["path"], warning["line"]) == ("cluster.token", 6)


def test_schema_prints_json_for_editors(
    takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A JSON Schema with the description's tables."""
    assert takeover("schema") == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"nodes", "services", "fencing"} <= set(schema["properties"])
