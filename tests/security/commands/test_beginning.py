"""`takeover init` with odd options, and on a machine that tells odd things of itself."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cib_templates.reading.reading import parse_description
from pcs_wrapper.cli import run
from tests.security.commands.test_generated import EXAMPLES
from tests.unit.fakes.site import Site, two_networks

SWITCH = "fence_apc ip=203.0.113.2 username=cluster password_script=/etc/takeover/apc"
OPTIONS = (
    *("--name", "--node", "--link", "--fence", "--plug", "--sbd", "--watchdog", "--witness"),
    *("--service", "--disk", "--target", "--lun", "--directory", "--filesystem", "--unit"),
    *("--command", "--user", "--ready", "--address"),
)
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["x", "node2", "198.51.100.9", "203.0.113.9:3260", "a=b", "::1", "", "eth0"]),
    st.sampled_from(["node2=198.51.100.12,x", "x:fence_apc a=b", "1", "/dev/x", '"', "a\nb", "#"]),
)


def outcome(site: Site, *options: str, typed: str = "") -> tuple[int, str, str]:
    """Run it; return the exit code, and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sys.stdin", io.StringIO(typed))
        code = run(["init", "--dry-run", *options], site.machine())
    return code, out.getvalue(), err.getvalue()


def sound(told: tuple[int, str, str]) -> None:
    """Check that a right description was printed, or a message, and nothing of the machinery."""
    code, out, err = told
    assert code in (0, 2), err
    assert "fault in Takeover" not in err
    assert "Traceback" not in err
    assert "\x1b" not in out + err
    if code == 0:
        parse_description(out, Path("cluster.toml"))


@EXAMPLES
@given(said=st.lists(st.tuples(st.sampled_from(OPTIONS), VALUES), max_size=6))
@example(said=[("--service", "web"), ("--address", "198.51.100.9/"), ("--command", "'")])
@example(said=[("--service", "a\x1b"), ("--unit", "x"), ("--node", "=,")])
def test_odd_options(said: list[tuple[str, str]]) -> None:
    """Each of them is used, or told to be wrong."""
    with tempfile.TemporaryDirectory() as folder:
        words = [word.replace("\0", "") for pair in said for word in pair]
        sound(outcome(two_networks(Path(folder)), "--defaults", "--fence", SWITCH, *words))


@EXAMPLES
@given(typed=st.lists(st.one_of(VALUES, st.just("")), max_size=25))
def test_odd_answers(typed: list[str]) -> None:
    """Each is taken, or asked for again, until the input ends."""
    with tempfile.TemporaryDirectory() as folder:
        lines = "".join(f"{each}\n" for each in typed)
        sound(outcome(two_networks(Path(folder)), typed=lines))


@EXAMPLES
@given(text=st.one_of(st.text(), st.sampled_from(['{"blockdevices": 1}', "[1]", "<a/>", "a b"])))
def test_odd_programs(text: str) -> None:
    """Whatever lsblk, systemctl, getent and a fence agent print, nothing but that is lost."""
    with tempfile.TemporaryDirectory() as folder:
        site = two_networks(Path(folder))
        for name in site.answers:
            site.answers[name] = text
        sound(outcome(site, "--defaults", "--fence", SWITCH, "--service", "x", "--unit", "y"))
        sound(outcome(site, "--defaults", "--fence", SWITCH, "--node", "node2"))
