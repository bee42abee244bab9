"""`takeover agents check` as a command: usage, safety, and what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from lxml import etree

from pcs_wrapper.cli import run
from tests.conformance.conftest import Make, make_agent

__all__ = ["make_agent"]

Output = pytest.CaptureFixture[str]

# What readers of JUnit XML rely on (Jenkins, GitLab, GitHub's actions that show it).
JUNIT = """
<grammar xmlns="http://relaxng.org/ns/structure/1.0"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
  <start>
    <element name="testsuites">
      <ref name="counts"/><oneOrMore><ref name="suite"/></oneOrMore>
    </element>
  </start>
  <define name="suite">
    <element name="testsuite">
      <ref name="counts"/><oneOrMore><ref name="case"/></oneOrMore>
    </element>
  </define>
  <define name="case">
    <element name="testcase">
      <attribute name="name"/><attribute name="classname"/>
      <attribute name="time"><data type="decimal"/></attribute>
      <optional><choice>
        <element name="failure"><attribute name="message"/><attribute name="type"/><text/></element>
        <element name="skipped"><attribute name="message"/></element>
        <element name="system-out"><text/></element>
      </choice></optional>
    </element>
  </define>
  <define name="counts">
    <attribute name="name"/>
    <attribute name="tests"><data type="nonNegativeInteger"/></attribute>
    <attribute name="failures"><data type="nonNegativeInteger"/></attribute>
    <attribute name="errors"><data type="nonNegativeInteger"/></attribute>
    <attribute name="skipped"><data type="nonNegativeInteger"/></attribute>
    <attribute name="time"><data type="decimal"/></attribute>
  </define>
</grammar>
"""


def check(*arguments: object) -> int:
    """Run the command and return its exit code."""
    return run(["agents", "check", *map(str, arguments)])


def test_the_result_of_a_good_agent(make_agent: Make, capsys: Output) -> None:
    """A line for each rule, a summary, exit code 0, and a warning that something is started."""
    assert check(make_agent(), "-o", "colour=blue", "--only", "stop-twice") == 0
    said = capsys.readouterr()
    assert said.err == (
        "warning: a resource of the agent good will be started and stopped on this machine\n"
    )
    assert said.out.splitlines()[1:] == [
        "Its life:",
        "  ok       stop-twice: A second stop succeeds too.",
        "1 ok, 0 failed, 0 advice, 0 skipped",
    ]


def test_the_cause_of_meta_data_that_cannot_be_read_is_shown(
    make_agent: Make, capsys: Output
) -> None:
    """pcs#649: not only "not installed or no valid metadata": what the agent itself says."""
    said = "/usr/lib/ocf/lib/heartbeat/ocf-shellfuncs: No such file or directory"
    dies = f"case $1 in\nmeta-data) echo '{said}' >&2; exit 1 ;;\nbroken"
    agent = make_agent(("case $1 in\nmeta-data", dies))
    assert check(agent, "-o", "colour=blue", "--only", "meta-data") == 1
    out = capsys.readouterr().out
    assert f"ran: {agent} meta-data" in out
    assert said in out
    assert "exit code 1" in out


def test_the_result_of_a_bad_agent(make_agent: Make, capsys: Output) -> None:
    """What was run, what came of it, what would be right and where that is said; exit code 1."""
    agent = make_agent(("stop) stop ;;", "stop) [ -e $state ] || fail 7 'nothing there'; stop ;;"))
    assert check(agent, "-o", "colour=blue", "--only", "stop-before-start") == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "  FAILED   stop-before-start: A stop of a resource that was never started succeeds.",
        '             must: OCF RA API 1.1, "Resource Agent Actions"',
        "           - exit code 7",
        f"             ran: {agent} stop",
        "             stderr: ocf-exit-reason:nothing there",
        "             right: exit code 0",
        "0 ok, 1 failed, 0 advice, 0 skipped",
    ]


def test_advice_fails_only_if_strict(make_agent: Make, capsys: Output) -> None:
    """What only should be is shown, and fails with --strict."""
    agent = make_agent(('timeout="5s"', 'timeout="5"'))
    assert check(agent, "--only", "units") == 0
    assert "  advice   units: " in capsys.readouterr().out
    assert check(agent, "--only", "units", "--strict") == 1


def test_different_circumstances_are_shown_as_a_command(make_agent: Make, capsys: Output) -> None:
    """What was different from usual is written as for env(1)."""
    agent = make_agent(('|| fail 6 "the', '|| fail 1 "the'))
    check(agent, "-o", "colour=blue", "--only", "start-without-parameters")
    assert f"ran: env -u OCF_RESKEY_colour {agent} start\n" in capsys.readouterr().out


def test_without_required_parameters_nothing_is_started(make_agent: Make, capsys: Output) -> None:
    """Only rules that start nothing are applied; the others say what they need."""
    agent = make_agent()
    log = agent.parent / "log"
    log.touch()
    log.chmod(0o666)  # meta-data is also asked for by nobody
    agent.write_text(agent.read_text().replace("case $1 in", f'echo "$1" >>{log}\ncase $1 in'))
    assert check(agent, "--json") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "start" not in log.read_text().splitlines()
    verdicts = {r["rule"]: r for r in json.loads(said.out)["results"]}
    assert verdicts["stop-with-wrong-parameters"]["verdict"] == "ok"
    assert verdicts["start"]["verdict"] == "skipped"
    assert verdicts["start"]["why"] == "it starts the resource, which needs -o colour=…"


def test_what_runs_already_is_left_alone(make_agent: Make, capsys: Output) -> None:
    """If a probe says that it runs, nothing is started or stopped, and that is a failure."""
    agent = make_agent(("    alive || return 7\n", "    return 0\n"))
    log = agent.parent / "log"
    agent.write_text(agent.read_text().replace("case $1 in", f'echo "$1" >>{log}\ncase $1 in'))
    assert check(agent, "-o", "colour=blue", "--json") == 1
    assert not {"start", "stop"} & set(log.read_text().splitlines())
    verdicts = {r["rule"]: r for r in json.loads(capsys.readouterr().out)["results"]}
    assert verdicts["probe"]["verdict"] == "failed"
    assert "runs here already" in verdicts["stop"]["why"]


def test_nothing_is_left_behind(make_agent: Make, capsys: Output) -> None:
    """A resource that does not stop is told, and its processes are ended all the same."""
    agent = make_agent(("stop) stop ;;", "stop) exit 1 ;;"), ("sleep 600", "sleep 601.75"))
    assert check(agent, "-o", "colour=blue", "--only", "start") == 1
    assert "warning: the resource may still run here: its last stop: exit code 1" in (
        capsys.readouterr().err
    )
    assert not [p for p in Path("/proc").glob("[0-9]*") if b"601.75" in command_line(p)]


def test_a_cancelled_check_stops_the_resource(make_agent: Make, tmp_path: Path) -> None:
    """SIGTERM, with which a CI cancels a job, leaves neither process nor folder behind."""
    agent = make_agent(
        ("sleep 600", "sleep 602.25"), ("monitor) monitor", "monitor) alive && sleep 9; monitor")
    )
    code = "from pcs_wrapper.cli import main; main()"
    checking = subprocess.Popen(
        [sys.executable, "-c", code, "agents", "check", agent, "-o", "colour=blue"],
        env=os.environ | {"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while not [p for p in Path("/proc").glob("[0-9]*") if b"602.25" in command_line(p)]:
        assert checking.poll() is None
        time.sleep(0.05)
    checking.terminate()
    checking.communicate(timeout=30)
    assert checking.returncode == 130
    assert not [p for p in Path("/proc").glob("[0-9]*") if b"602.25" in command_line(p)]
    assert list(tmp_path.iterdir()) == []


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_junit(make_agent: Make, tmp_path: Path, capsys: Output) -> None:
    """A suite for each group, a case for each rule, with what readers of JUnit XML expect."""
    agent = make_agent(
        ('fail 3 "unknown', "fail 1 \"$(printf 'a\\033[1m <b>')"), ('timeout="5s"', 'timeout="5"')
    )
    file = tmp_path / "result.xml"
    assert check(agent, "--junit", file) == 1
    root = etree.parse(file)
    etree.RelaxNG(etree.fromstring(JUNIT)).assertValid(root)
    failure = root.xpath("string(//testcase[@classname='good.unknown-action']/failure)")
    assert "a\\x1b[1m <b>" in failure
    assert 'timeout="5s"' in root.xpath("string(//testcase[@classname='good.units']/system-out)")
    skipped = root.xpath("//testcase[@classname='good.start']/skipped/@message")
    assert skipped == ["it starts the resource, which needs -o colour=…"]
    assert root.xpath("sum(//testsuite/@tests) = //testsuites/@tests")
    assert f"{len(root.xpath('//failure'))} failed" in capsys.readouterr().out


def test_junit_that_cannot_be_written_is_told(make_agent: Make, capsys: Output) -> None:
    """The reason is the system's."""
    assert check(make_agent(), "--only", "name", "--junit", "/does/not/exist.xml") == 1
    assert "cannot write /does/not/exist.xml: No such file" in capsys.readouterr().err


def test_json_has_no_values_of_parameters(make_agent: Make, capsys: Output) -> None:
    """A parameter may be a password: only the names of those that were given are there."""
    agent = make_agent(("stop) stop ;;", "stop) exit 1 ;;"))
    assert check(agent, "-o", "colour=secret-blue", "--only", "stop", "--json") == 1
    said = capsys.readouterr().out
    assert json.loads(said)["parameters"] == ["colour"]
    assert "secret-blue" not in said


def test_version_1_0_is_judged_by_its_own_schema(make_agent: Make, capsys: Output) -> None:
    """An agent of API 1.0 may say unique, must not say unique-group, and it is told so."""
    agent = make_agent(("<version>1.1<", "<version>1.0<"))
    assert check(agent, "--only", "schema") == 1
    said = capsys.readouterr().out
    assert "declares version 1.0 of the OCF RA API, and is judged by 1.0" in said
    assert "unique-group" in said


def test_the_rules_are_listed(capsys: Output) -> None:
    """Each with its sentence, its source and what it does to the machine."""
    assert check("--list") == 0
    said = capsys.readouterr().out
    assert "  stop-twice: A second stop succeeds too.\n" in said
    assert check("--list", "--json") == 0
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert len({rule["rule"] for rule in rules}) == len(rules) > 50
    assert all(rule["sentence"].endswith(".") and rule["source"] for rule in rules)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "name the agent, such as /usr/lib/ocf/resource.d/heartbeat/Dummy"),
        (("/does/not/exist",), "/does/not/exist: there is no such file"),
        (("/usr",), "/usr is no file: name the agent itself"),
        (("/etc/passwd",), "/etc/passwd is not executable: chmod 755 /etc/passwd"),
        (("AGENT", "-o", "colour"), "-o colour: must be name=value"),
        (("AGENT", "-o", "=blue"), "-o =blue: must be name=value"),
        (("AGENT", "-o", "size=1", "-o", "size=2"), "-o size=2: size is given twice"),
        (("AGENT", "-o", "color=blue"), "good has no parameter color; did you mean colour?"),
        (("AGENT", "-o", "x=1"), "no parameter x; it has: colour, size, colour_name"),
        (("AGENT", "--only", "stop-twise"), "there is no rule stop-twise; did you mean stop-twice"),
        (("AGENT", "--skip", "zzz"), "there is no rule zzz; there are: meta-data"),
        (("AGENT", "--timeout", "0"), "--timeout"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: tuple[str, ...], expected: str, make_agent: Make, capsys: Output
) -> None:
    """Each mistake is told in a line that says what would be right."""
    agent = str(make_agent())
    assert check(*(agent if word == "AGENT" else word for word in arguments)) == 2
    assert expected in capsys.readouterr().err


def test_an_interpreter_that_is_missing_is_told(make_agent: Make, capsys: Output) -> None:
    """A file that the kernel cannot run is exit code 2 with the kernel's reason."""
    agent = make_agent(("#!/bin/sh", "#!/does/not/exist"))
    assert check(agent) == 2
    assert f"{agent} cannot be run: No such file or directory" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_can_check(make_agent: Make) -> None:
    """What needs no root is checked; what an agent refuses to others is skipped, and why."""
    refuses = '[ "$(id -u)" = 0 ] || [ "$1" != start ] || fail 4 "needs root"'
    agent = make_agent(("case $1 in\nmeta", f"{refuses}\ncase $1 in\nmeta"))
    assert check(agent, "--json") == 0  # now all modules are loaded: others may be unable to
    verdicts = as_nobody(["agents", "check", str(agent), "-o", "colour=blue", "--json"])
    for rule in ("meta-data-nobody", "stop-with-wrong-parameters"):
        assert verdicts[rule] == ("ok", "")
    for rule, why in (
        ("start", "the agent needs root for this: run it with sudo"),
        ("stop-without-programs", "hiding the machine's programs needs root and a mount namespace"),
    ):
        assert verdicts[rule] == ("skipped", why)


def as_nobody(arguments: list[str]) -> dict[str, tuple[str, str]]:
    """Run the command in a child that is another user; return each rule's verdict, and why."""
    with tempfile.TemporaryFile("w+") as file:
        child = os.fork()
        if not child:
            sys.stdout = file  # not pytest's
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            code = run(arguments)
            file.flush()
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        file.seek(0)
        return {r["rule"]: (r["verdict"], r["why"]) for r in json.load(file)["results"]}


def test_help_teaches(capsys: Output) -> None:
    """What it does to the machine, examples, and what the exit codes say."""
    assert check("--help") == 0
    said = capsys.readouterr().out
    for text in ("starts and stops a real resource", "Examples:", "Exit codes: 0 no rule failed"):
        assert text in said
