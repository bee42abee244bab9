"""What the package brings for shells and for `man`, installed as the documents say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.on_host.conftest import Node, run
from tests.terminal import Bash
from vagrant.common.wheel import wheel_of_checkout

CHECKOUT = Path(__file__).parents[3]
SHARE = Path("/usr/local/share")
# In docs/installing.md: what links the program and its files to where they are found.
_LINKS = re.compile(r"^ {4}((?:ln -s|cp --recursive) .*/usr/local/.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like /opt/takeover, into which pip has installed the wheel."""
    folder = tmp_path_factory.mktemp("opt")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    # Other tests' python has Takeover already, as a link to the checkout.
    options = ("install", "--no-deps", "--no-index", "--ignore-installed", "--prefix")
    run(*pip, *options, str(folder), str(wheel_of_checkout()))
    return folder


@pytest.fixture
def documented(installed: Path, node: Node) -> Node:
    """Return a node with Takeover in /opt/takeover, on which the documented commands were run."""
    for folder in ("/opt", "/usr/local"):
        node.run("mount", "-t", "tmpfs", "tmpfs", folder)
    node.run("mkdir", "-p", "/opt/takeover", "/usr/local/bin", str(SHARE))
    node.run("mount", "--bind", str(installed), "/opt/takeover")
    document = (CHECKOUT / "docs/installing.md").read_text()
    commands = [shlex.split(line) for line in dict.fromkeys(_LINKS.findall(document))]
    assert [command[0] for command in commands] == ["ln", "cp"]
    for command in commands:
        node.run(*command)
    node.run(*commands[1])  # an update runs it again
    return node


@pytest.fixture
def bash(documented: Node, installed: Path) -> Iterator[Bash]:
    """Return a bash on that node."""
    packages = next(installed.glob("lib/python*/site-packages"))
    bash = Bash(
        [*documented.enter, "env", f"PYTHONPATH={packages}", "bash"], Path("/usr/local/bin")
    )
    yield bash
    bash.end()


def test_man_finds_a_page_for_every_command(documented: Node) -> None:
    """By the links in /usr/local/share/man, which lead to what pip has installed."""
    for words in (["takeover"], ["takeover-apply"], ["takeover", "plan"]):
        found = documented.run("man", "--where", *words).stdout.strip()
        assert Path(found).parent == Path("/opt/takeover/share/man/man1")
    listed = documented.run("find", str(SHARE), "-type", "l", "-xtype", "f").stdout.split()
    expected = [path for path in (CHECKOUT / "share").rglob("*") if path.is_file()]
    assert sorted(Path(each).name for each in listed) == sorted(path.name for path in expected)


@pytest.mark.parametrize("page", sorted(CHECKOUT.glob("share/man/man1/*")), ids=lambda p: p.name)
def test_a_page_renders_without_a_warning(page: Path) -> None:
    """With all the warnings that troff has, and with a name that `apropos` can find."""
    man = ("man", "--warnings", "--encoding=UTF-8", "--local-file")
    done = subprocess.run(
        [*man, page], capture_output=True, text=True, check=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
    )  # fmt: skip
    assert done.stderr == ""
    assert "SYNOPSIS" in done.stdout
    assert run("lexgrog", str(page)).stdout.startswith(f'{page}: "{page.stem} - ')


def test_bash_completes_what_is_installed(bash: Bash) -> None:
    """The program is called by its link, and the script is read where bash-completion looks."""
    script = SHARE / "bash-completion/completions/takeover"
    bash.types(f"source {script}; echo re''ady\n", until="ready\r\n$ ")
    bash.types("takeover serv\t", until="takeover service ")
    bash.types("mo\t--dry\t", until="move --dry-run ")


def test_removing_leaves_nothing(documented: Node) -> None:
    """The documented command removes the links, and nothing of anybody else's."""
    documented.run("touch", str(SHARE / "man/man1/other.1"))
    (line,) = re.findall(
        r"^ {4}(find .*)$", (CHECKOUT / "docs/installing.md").read_text(), re.MULTILINE
    )
    documented.run(*shlex.split(line))
    assert documented.run("find", str(SHARE), "-not", "-type", "d").stdout.split() == [
        str(SHARE / "man/man1/other.1")
    ]
