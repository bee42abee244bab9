"""What the documents tell to install: nothing whose hash is not locked, and root builds nothing."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
DOCUMENTS = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("vagrant/*.md")]
# A command of pip in a block of a document, whatever it is called by.
_PIP = re.compile(r"^ {4}(?:\S*/)?(?:pip3?|python3? -m pip)(?: .*)?$", re.MULTILINE)


def commands(document: Path) -> list[list[str]]:
    """Return the commands of pip in a document."""
    return [shlex.split(line) for line in _PIP.findall(document.read_text())]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_what_is_downloaded_is_locked(document: Path) -> None:
    """Each command has hashes, asks nobody, or builds with the tools that are there."""
    for words in commands(document):
        locked = "--require-hashes" in words and any(word.endswith(".lock") for word in words)
        asks_nobody = {"--no-deps", "--no-index"} <= set(words)
        builds = {"wheel", "--no-deps", "--no-build-isolation"} <= set(words)
        removes = "uninstall" in words
        assert locked or asks_nobody or builds or removes, shlex.join(words)


def test_root_builds_nothing() -> None:
    """In /opt/takeover, which is root's, a file is installed that was built before."""
    found = commands(CHECKOUT / "docs" / "installing.md")
    assert len(found) >= 4
    for words in found:
        if words[0].startswith("/opt/takeover"):
            assert "." not in words, shlex.join(words)
            assert words[-1].endswith((".whl", ".lock")), shlex.join(words)


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-build.lock", "requirements-dev.lock"]
)
def test_everything_in_a_lock_has_a_hash(name: str) -> None:
    """With --require-hashes pip would refuse it otherwise."""
    text = re.sub(r"^ *#.*\n", "", (CHECKOUT / name).read_text(), flags=re.MULTILINE)
    for requirement in text.replace("\\\n", " ").splitlines():
        assert re.fullmatch(r"[\w.-]+==\S+.*?(?: +--hash=sha256:[0-9a-f]{64})+ *", requirement)


def test_what_builds_the_wheel_is_locked() -> None:
    """All that pyproject.toml requires for it, in the versions that the tests are run with."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    build, dev = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (CHECKOUT / name).read_text(), re.MULTILINE))
        for name in ("requirements-build.lock", "requirements-dev.lock")
    )
    assert set(project["build-system"]["requires"]) <= set(build)
    assert build.items() <= dev.items()


def test_scripts_lock_what_they_install() -> None:
    """As the documents say; only what makes the locks is not locked, and root may not run that."""
    for script in (CHECKOUT / "script").iterdir():
        for line in re.findall(r'(?:/pip" |"\$\{pip\[@\]\}" ).*', script.read_text()):
            locked = "--require-hashes" in line or "--no-build-isolation" in line
            assert locked or script.name == "lock", line
    assert "EUID == 0" in (CHECKOUT / "script" / "lock").read_text()
