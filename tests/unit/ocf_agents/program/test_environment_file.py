"""Environment files, in systemd's format."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocf_agents.program.environment_file import MOST, read
from ocf_agents.runtime.agent import AgentError, Code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("# A=1\n; B=2\n\n  C=3", {"C": "3"}),
        ("A=  two words \t\nB=x", {"A": "two words", "B": "x"}),
        ("A='one # \"two\" \\ $x'", {"A": 'one # "two" \\ $x'}),
        ('A="one \\"two\\" \\$x \\y"', {"A": 'one "two" $x \\y'}),
        ('A="two\nlines"\nB=x', {"A": "two\nlines", "B": "x"}),
        ('A="joined\\\nlines"', {"A": "joinedlines"}),
        ("A=joined \\\nlines", {"A": "joined lines"}),
        ("A=a\\ b\\'", {"A": "a b'"}),
        ("A=x'y z'\"w\"", {"A": "xy zw"}),
        ("A=\nB=''", {"A": "", "B": ""}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=a=b#c", {"A": "a=b#c"}),
        ("A=$B `date` *", {"A": "$B `date` *"}),
        ("A=" + "ü\N{EURO SIGN}", {"A": "ü\N{EURO SIGN}"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("", {}),
    ],
)
def test_files_are_read_as_systemd_does(
    tmp_path: Path, text: str, expected: dict[str, str]
) -> None:
    """Quotes, comments, continued lines; and nothing is expanded."""
    path = tmp_path / "environment"
    path.write_bytes(text.encode())
    assert read(str(path)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A=1\nsecret", "line 2 of {} is not NAME=VALUE"),
        ("export A=secret", "line 1 of {} is not NAME=VALUE"),
        ("A=1\nB='secret\n\n", "line 2 of {} has a quote that is not closed"),
        ("A=se\0cret", "line 1 of {} has a NUL character"),
    ],
)
def test_mistakes_are_told_by_line_and_without_values(
    tmp_path: Path, text: str, reason: str
) -> None:
    """Values are secrets: a message has none of them."""
    path = tmp_path / "environment"
    path.write_text(text)
    with pytest.raises(AgentError) as caught:
        read(str(path))
    assert str(caught.value) == reason.format(path)
    assert caught.value.code == Code.ERR_INSTALLED


def test_a_missing_file_is_not_installed_unless_it_may_be_missing(tmp_path: Path) -> None:
    """A minus before the path says that there need not be one."""
    path = tmp_path / "environment"
    with pytest.raises(AgentError, match="there is no environment file") as caught:
        read(str(path))
    assert caught.value.code == Code.ERR_INSTALLED
    assert read(f"-{path}") == {}
    path.write_text("A=1")
    assert read(f"-{path}") == {"A": "1"}


def test_only_files_are_read_and_no_large_ones(tmp_path: Path) -> None:
    """A pipe would never end, nor would /dev/zero."""
    path = tmp_path / "environment"
    os.mkfifo(path)
    for each, reason in ((path, "is no file"), (Path("/dev/zero"), "is no file")):
        with pytest.raises(AgentError, match=reason):
            read(str(each))
    path.unlink()
    path.write_text("A=" + "x" * (MOST - 2))
    assert len(read(str(path))["A"]) == MOST - 2
    path.write_text("A=" + "x" * MOST)
    with pytest.raises(AgentError, match=f"has more than {MOST} bytes"):
        read(str(path))
