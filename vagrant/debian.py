"""Debian root trees, built from Debian's packages alone, and the cache that they are kept in.

A tree holds what an administrator would have installed before the first `takeover` command: the
cluster packages, and a virtual environment in /opt/takeover with the locked dependencies. Takeover
itself is not in it: each rig installs the wheel of its own checkout.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CACHE_DIR = Path("/var/cache/takeover-rig")
CHECKOUT = Path(__file__).resolve().parents[1]
LOCK = CHECKOUT / "requirements.lock"

#: Python version of each Debian release that can be chosen.
PYTHON_OF = {"bookworm": "3.11", "trixie": "3.13"}

#: How long a wheel is kept at least, in seconds.
_WHEEL_KEPT = 24 * 3600.0

_UNDOCUMENTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


class TreeError(Exception):
    """A root tree could not be built; the message has the command and the end of its output."""


def make_tree(
    release: str, packages: Sequence[str], folder: Path, say: Callable[[str], None]
) -> None:
    """Make a root tree with Debian's packages, and Takeover's dependencies in /opt/takeover.

    Args:
        release: a key of `PYTHON_OF`.
        packages: names of Debian packages.
        folder: the tree's folder; it must not exist.
        say: told each step that takes a while.

    Raises:
        TreeError: a step failed; what was begun is in `folder`.
    """
    say(f"building the {release} root tree (a few minutes, once)")
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in _UNDOCUMENTED]
    # In namespaces of its own, so that being killed leaves no mount and no process behind.
    run(
        *("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"),
        *("mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}"),
        *(*options, '--aptopt=Acquire::Languages "none"', release, str(folder)),
    )
    say(f"installing Takeover's dependencies in the {release} root tree")
    wheels = folder / "tmp" / "wheels"
    run(
        *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"),
        *("--require-hashes", "--requirement", LOCK, "--dest", wheels),
        *("--python-version", PYTHON_OF[release], "--only-binary", ":all:"),
    )
    shutil.copy(LOCK, wheels / LOCK.name)
    in_tree(folder, "python3", "-m", "venv", "/opt/takeover")
    in_tree(
        folder,
        *("/opt/takeover/bin/pip", "--quiet", "install", "--no-index", "--require-hashes"),
        *("--find-links", "/tmp/wheels", "--requirement", f"/tmp/wheels/{LOCK.name}"),  # noqa: S108
    )
    shutil.rmtree(wheels)
    (folder / "usr/local/bin/takeover").symlink_to("/opt/takeover/bin/takeover")


def in_tree(tree: Path, *command: str) -> None:
    """Run a command in a tree.

    Raises:
        TreeError: it failed.
    """
    run("unshare", "--pid", "--fork", "--kill-child", "chroot", tree, *command)


def wheel_of_checkout() -> Path:
    """Takeover's wheel built from this checkout, anew when its sources have changed.

    Raises:
        TreeError: the wheel could not be built.
    """
    sources = [CHECKOUT / "pyproject.toml"]
    for package in ("ocf_agents", "cib_templates", "pcs_wrapper"):
        sources += sorted((CHECKOUT / package).rglob("*.py"))
    folder = CACHE_DIR / "wheels" / digest(path.read_bytes() for path in sources)
    with cache_lock():
        if not folder.is_dir():
            for older in folder.parent.glob("*"):
                # A younger one may be another checkout's, which is just being installed.
                if time.time() - older.stat().st_mtime > _WHEEL_KEPT:
                    shutil.rmtree(older, ignore_errors=True)
            partial = folder.with_suffix(".partial")
            pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
            run(
                *pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", partial, CHECKOUT
            )
            partial.rename(folder)
    return next(folder.glob("*.whl"))


def digest(parts: Iterable[bytes]) -> str:
    """Twelve hexadecimal digits that name what a cached thing was made of."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


@contextmanager
def cache_lock(folder: Path = CACHE_DIR) -> Iterator[None]:
    """One process at a time changes a cache."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*command: str | Path) -> None:
    """Run a program that builds something.

    Raises:
        TreeError: it failed; the message has the end of its output.
    """
    # Nothing goes on alone when this process is killed: the next run would meet it.
    words = ["setpriv", "--pdeathsig", "KILL", *map(str, command)]
    environment = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=environment,
    )
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-15:])
        raise TreeError(
            f"{shlex.join(words)}\nexited with {result.returncode}:\n{tail}\n"
            "The Debian mirror and PyPI must be reachable; what was begun is built anew next time"
        )
