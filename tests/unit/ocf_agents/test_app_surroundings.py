"""What an application finds when it starts: limits, environment, folder, files for its output."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocf_agents.app import App
from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.state import State
from tests.unit.fakes.applications import HEALTH, RECURRING, SLEEP, shell, wait_for
from tests.unit.ocf_agents.conftest import Act

pytestmark = pytest.mark.usefixtures("no_process_left")


def says(tmp_path: Path, script: str) -> tuple[dict[str, str], Path]:
    """Return the parameters of an application that writes to a file, and the file."""
    seen = tmp_path / "seen"
    whole = f"{{ {script}; }} > {seen}.new; mv {seen}.new {seen}; exec sleep 300"
    return shell(tmp_path, whole), seen


def test_limits_are_set(act: Act, tmp_path: Path) -> None:
    """The application has them, and its children too."""
    parameters, seen = says(tmp_path, "ulimit -Sn; ulimit -Hn; sh -c 'ulimit -Sc'")
    outcome = act(App, "start", **parameters, limits="nofile=64:128 core=0")
    assert (outcome.code, outcome.reason) == (Code.SUCCESS, "")
    assert wait_for(seen) == "64\n128\n0\n"


def test_the_environment_comes_from_a_file(act: Act, tmp_path: Path) -> None:
    """Also that of the checks, which need the same password."""
    file = tmp_path / "environment"
    file.write_text("PASSWORD='s3cret one'\nPATH=/opt/bin:/usr/bin:/bin\n")
    parameters, seen = says(tmp_path, 'echo "$PASSWORD $PATH"')
    parameters["environment_file"] = str(file)
    parameters["health"] = 'command:/bin/sh -c \'test "$PASSWORD" = "s3cret one"\''
    assert act(App, "start", **parameters).code == Code.SUCCESS
    assert wait_for(seen) == "s3cret one /opt/bin:/usr/bin:/bin\n"
    assert act(App, "monitor", **parameters, environ=HEALTH).code == Code.SUCCESS


def test_the_values_of_an_environment_file_are_in_no_message(act: Act, tmp_path: Path) -> None:
    """Whatever fails: the start, a check, or the reading of the file."""
    file = tmp_path / "environment"
    file.write_text("PASSWORD=s3cret\n")
    parameters = {**shell(tmp_path, "exit 1"), "environment_file": str(file)}
    for text in ("PASSWORD=s3cret\n", "PASSWORD='s3cret\n", "s3cret\n"):
        file.write_text(text)
        outcome = act(App, "start", **parameters, environ={"HA_debug": "1"})
        assert outcome.code in (Code.ERR_GENERIC, Code.ERR_INSTALLED)
        assert "s3cret" not in outcome.reason + outcome.output
    file.write_text("PASSWORD=s3cret\n")
    act(App, "start", **SLEEP)
    sick = {**SLEEP, "environment_file": str(file), "health": "command:/bin/false"}
    assert "s3cret" not in act(App, "monitor", **sick, environ=HEALTH).reason


def test_an_environment_file_that_has_vanished_stops_nothing(act: Act, tmp_path: Path) -> None:
    """A start is exit 5; what runs already goes on, and can be stopped."""
    given = {**SLEEP, "environment_file": str(tmp_path / "none")}
    outcome = act(App, "start", **given)
    assert outcome.code == Code.ERR_INSTALLED
    assert outcome.kept == f"there is no environment file {tmp_path}/none on this node"[:120]
    act(App, "start", **SLEEP)
    assert act(App, "monitor", **given, environ=RECURRING).code == Code.SUCCESS
    assert act(App, "stop", **given).code == Code.SUCCESS


def test_the_umask_is_the_one_asked_for(act: Act, tmp_path: Path) -> None:
    """In octal, as everywhere."""
    parameters, seen = says(tmp_path, "umask")
    assert act(App, "start", **parameters, umask="077").code == Code.SUCCESS
    assert wait_for(seen) == "0077\n"


def test_it_runs_in_the_folder_of_its_user(act: Act, tmp_path: Path) -> None:
    """As with the stock agent, unless another folder is asked for."""
    parameters, seen = says(tmp_path, "cd -P .; pwd; echo $HOME")
    assert act(App, "start", **parameters).code == Code.SUCCESS
    folder, home = wait_for(seen).splitlines()
    assert folder == os.path.realpath(home)


def test_output_goes_to_files(act: Act, tmp_path: Path) -> None:
    """Appended, standard error to its own; the reason quotes what this start has written."""
    log, errors = tmp_path / "log", tmp_path / "errors"
    log.write_text("earlier\n")
    errors.write_text("an old error\n")
    parameters = shell(tmp_path, "echo out; echo no database >&2; exit 3")
    outcome = act(App, "start", **parameters, logfile=str(log), errlogfile=str(errors))
    assert outcome.kept == "no database; application ended with 3 while starting"
    assert "an old error" not in outcome.reason
    assert log.read_text() == "earlier\nout\n"
    assert errors.read_text() == "an old error\nno database\n"
    act(App, "start", **parameters, logfile=str(log))
    assert log.read_text() == "earlier\nout\nout\nno database\n"


def test_output_may_go_nowhere(act: Act, tmp_path: Path) -> None:
    """/dev/null, the stock agent's default, is a file like others."""
    parameters = shell(tmp_path, "echo out; exit 3")
    outcome = act(App, "start", **parameters, logfile="/dev/null")
    assert outcome.kept == "application ended with 3 while starting"


def test_output_to_something_else_is_refused(act: Act, tmp_path: Path) -> None:
    """A pipe that nobody reads would hold the application up, or the agent."""
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path / "pipe", f"{tmp_path}/pipe is neither a file nor a device"),
        (tmp_path, f"Is a directory: cannot open {tmp_path}"),
    ):
        outcome = act(App, "start", **SLEEP, logfile=str(path))
        assert (outcome.code, outcome.kept) == (Code.ERR_INSTALLED, reason[:120])
    outcome = act(App, "start", **SLEEP, logfile=str(tmp_path / "none/log"))
    assert outcome.kept == f"there is no folder {tmp_path}/none on this node"[:120]


def test_the_process_number_is_written_for_others(act: Act, tmp_path: Path, state: State) -> None:
    """It is there while the application runs, and not believed when it lies."""
    file = tmp_path / "run"
    given = {**SLEEP, "pidfile": str(file)}
    assert act(App, "start", **given).code == Code.SUCCESS
    assert file.read_text() == state.read()["pid"] + "\n"
    file.write_text(f"{os.getpid()}\n")
    assert act(App, "monitor", **given, environ=RECURRING).code == Code.SUCCESS
    assert act(App, "stop", **given).code == Code.SUCCESS
    assert not file.exists()
    file.write_text(f"{os.getpid()}\n")
    assert act(App, "monitor", **given).code == Code.NOT_RUNNING


def test_a_file_that_is_no_pidfile_is_left_alone(act: Act, tmp_path: Path) -> None:
    """A path that was mistyped costs nobody a file."""
    file = tmp_path / "letter"
    file.write_text("Dear Sir or Madam")
    given = {**SLEEP, "pidfile": str(file)}
    outcome = act(App, "start", **given)
    assert outcome.code == Code.ERR_ARGS
    assert "is no file of a process number, and not overwritten" in outcome.reason
    assert act(App, "monitor", **SLEEP).code == Code.NOT_RUNNING
    assert act(App, "stop", **given).code == Code.SUCCESS
    assert file.read_text() == "Dear Sir or Madam"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"umask": "888"}, "umask=888 is not an octal number up to 777"),
        ({"umask": "1000"}, "umask=1000 is not an octal number up to 777"),
        ({"umask": "rwx"}, "umask=rwx is not an octal number up to 777"),
        ({"limits": "files=5"}, "limits=files=5: the limits are as, core, cpu,"),
        ({"environment_file": "-environment"}, "environment_file=environment is not an absolute"),
        ({"logfile": "log"}, "logfile=log is not an absolute path"),
        ({"errlogfile": "log"}, "errlogfile=log is not an absolute path"),
        ({"pidfile": "run"}, "pidfile=run is not an absolute path"),
        ({"ready_timeout": "0"}, "ready_timeout=0 is not a whole number of at least 1"),
        ({"health_timeout": "1.5"}, "health_timeout=1.5 is not a whole number of at least 1"),
        ({"reload_signal": "KILL"}, "reload_signal=KILL is not one of HUP, USR1"),
    ],
)
def test_wrong_surroundings_are_explained(
    act: Act, parameters: dict[str, str], reason: str
) -> None:
    """What is wrong on every node is exit 6, and says what would be right."""
    outcome = act(App, "validate-all", **SLEEP, **parameters)
    assert outcome.code == Code.ERR_CONFIGURED
    assert reason in outcome.reason


def test_unknown_parameters_do_no_harm(act: Act) -> None:
    """Those of the stock agent, of a later version, or misspelt ones."""
    given = {**SLEEP, "no_such_parameter": "x", "OCF_CHECK_LEVEL": "x"}
    for action in ("start", "monitor", "reload-agent", "stop", "validate-all"):
        assert act(App, action, **given).code == Code.SUCCESS


def test_every_parameter_of_the_stock_agent_is_taken() -> None:
    """A resource of ocf:heartbeat:anything switches by its provider and type alone."""
    stock = "binfile cmdline_options workdir pidfile logfile errlogfile user monitor_hook"
    names = {each.name for each in App.parameters()}
    assert {*stock.split(), "stop_timeout"} <= names
    assert [each.name for each in App.parameters() if each.required] == ["binfile"]
