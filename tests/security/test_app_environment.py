"""The variables of an application reach its user's programs, and nothing that root runs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rig.on_host.conftest import RECURRING, Node
from tests.security.conftest import NOBODY, give

DEEP = {**RECURRING, "OCF_CHECK_LEVEL": "10"}
LIBRARY = """
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void ran(void) {
    FILE *file = fopen("%s", "a");
    if (file) { fprintf(file, "%%d %%d\\n", getuid(), geteuid()); fclose(file); }
}
"""

Live = Callable[..., None]


@pytest.fixture
def live(node: Node, theirs: Path) -> Live:
    """Return a function that has an application with an environment file live a whole life."""

    def all_actions(variables: str, **parameters: str) -> None:
        file = theirs / "environment"
        file.write_text(variables)
        give(file)
        given = {
            "binfile": "/bin/sleep",
            "cmdline_options": "601",
            "user": "nobody",
            "environment_file": str(file),
            "ready": "command:/bin/true",
            "health": "command:/bin/true",
            "monitor_hook": "/bin/true",
            "pidfile": str(theirs / "pid"),
            "logfile": str(theirs / "log"),
            **parameters,
        }
        assert node.act("app", "validate-all", {"OCF_CHECK_LEVEL": "10"}, **given) == (0, "")
        assert node.act("app", "start", **given) == (0, "")
        assert node.act("app", "monitor", DEEP, **given) == (0, "")
        assert node.act("app", "reload-agent", **given) == (0, "")
        assert node.act("app", "stop", **given) == (0, "")
        # A start that fails has programs of root's run, too.
        failing = {**given, "ready": "command:/bin/false", "ready_timeout": "1"}
        assert node.act("app", "start", **failing)[0] == 1
        assert node.act("app", "stop", **given) == (0, "")

    return all_actions


def test_the_loader_never_works_for_root(live: Live, theirs: Path) -> None:
    """The loader tells of every program that has the variables, in a file of whoever runs it."""
    told = theirs / "told"
    told.mkdir()
    told.chmod(0o777)
    live(f"LD_DEBUG=statistics\nLD_DEBUG_OUTPUT={told}/x\n")
    owners = {path.stat().st_uid for path in told.iterdir()}
    assert owners == {NOBODY.pw_uid}  # the application and its checks, and nobody else


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_AUDIT"])
def test_a_library_of_the_users_never_runs_as_root(
    live: Live, theirs: Path, tmp_path: Path, name: str
) -> None:
    """At start, health check, hook, reload and stop: it is loaded by the user's programs alone."""
    compiler = shutil.which("cc")
    assert compiler, "this test needs a C compiler"
    seen = theirs / "seen"
    seen.touch()
    seen.chmod(0o666)
    source, library = tmp_path / "library.c", theirs / "library.so"
    source.write_text(LIBRARY % seen)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    give(library)
    live(f"{name}={library}\n")
    assert set(seen.read_text().splitlines()) == {f"{NOBODY.pw_uid} {NOBODY.pw_uid}"}


def test_interpreters_of_roots_read_nothing_of_the_users(live: Live, theirs: Path) -> None:
    """Python, Perl and shells would run what their variables name; the agent itself is Python."""
    seen = theirs / "seen"
    seen.mkdir()
    seen.chmod(0o777)
    code = f"import os; open('{seen}/python-%d' % os.geteuid(), 'w').close()\n"
    for name in ("sitecustomize.py", "usercustomize.py", "encodings.py", "os.py"):
        (theirs / name).write_text(code)
    script = theirs / "script"
    script.write_text(f"touch {seen}/shell-$(id -u)\n")
    for path in theirs.iterdir():
        give(path)
    live(
        f"PYTHONPATH={theirs}\nPYTHONSTARTUP={theirs}/os.py\nPYTHONINSPECT=1\n"
        f"PYTHONHOME={theirs}\nPERL5LIB={theirs}\nBASH_ENV={script}\nENV={script}\n"
        f"PATH={theirs}:/usr/bin:/bin\nHOME={theirs}\n",
        health="command:/bin/bash -c true",
        monitor_hook="/bin/bash -c true",
    )
    assert [path.name for path in seen.iterdir()] == [f"shell-{NOBODY.pw_uid}"]


def test_an_applications_own_libraries_harm_no_helper(live: Live, theirs: Path) -> None:
    """As with LD_LIBRARY_PATH=$ORACLE_HOME/lib: they are for the application, and may be any."""
    for name in ("libcap-ng.so.0", "libsystemd.so.0", "libcap.so.2"):
        (theirs / name).write_text("not what root's programs need")
        give(theirs / name)
    live(f"LD_LIBRARY_PATH={theirs}\n")


def test_no_variable_is_in_the_arguments_of_any_process(node: Node, theirs: Path) -> None:
    """Everybody can read arguments; the variables are for the application alone."""
    file = theirs / "environment"
    file.write_text("PASSWORD=s3cr3t-value\n")
    seen = theirs / "seen"
    script = f"cat /proc/[0-9]*/cmdline > {seen}.new 2>&1; mv {seen}.new {seen}; exec sleep 601"
    given = {
        "binfile": "/bin/sh",
        "cmdline_options": f"-c '{script}'",
        "environment_file": str(file),
        "user": "nobody",
        "ready": f"command:/usr/bin/test -s {seen}",
    }
    assert node.act("app", "start", **given) == (0, "")
    assert b"s3cr3t-value" not in seen.read_bytes()
    assert node.act("app", "stop", **given) == (0, "")
